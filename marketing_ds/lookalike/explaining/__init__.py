"""What distinguishes seeds, why customers are close, and whether the choice skews."""
