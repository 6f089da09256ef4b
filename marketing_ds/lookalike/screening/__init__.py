"""Only the closest matter: how most candidates are spared the exact score."""
