"""For whom the effect is what: groups, projections, policies in words."""
