"""How effects are learned: learners, their nuisances, the choice among them."""
