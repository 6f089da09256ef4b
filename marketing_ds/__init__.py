"""marketing_ds (being built)."""
