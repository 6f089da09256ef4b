"""Natural groups: customers with like tags, found by k-means (FAISS) and named by their TGI.

`natural_groups` reads the tags (`_inputs`), lays them on one scale (`_space`), chooses how many
groups there are (`_stability`), finds them (`_kmeans`) and names them (`_names`).
"""

from ._groups import Group, NaturalGroups, natural_groups
from ._stability import GroupStability

__all__ = ["Group", "GroupStability", "NaturalGroups", "natural_groups"]
