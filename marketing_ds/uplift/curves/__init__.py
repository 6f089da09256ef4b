"""How good a ranking is: uplift curves, net value, budgets, and how two of them differ."""
