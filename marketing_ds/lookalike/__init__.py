"""Look-alike: candidates scored by closeness to seed customers, with proof that it worked.

`Lookalike` reads tags as levels (`encode`), learns from the levels what distinguishes seeds from
the base (`space`), looks candidates up among seeds and ordinary customers (`index`, FAISS), and
hides seeds among the candidates to see whether they are found again (`evaluation`).
"""

from .encode import TagLevels
from .evaluation import (
    FewSeedsWarning,
    IndistinctSeedsWarning,
    LookalikeEvaluation,
    SeedsNotDistinct,
)
from .expansion import Expansion
from .model import Lookalike
from .separation import SeedSeparation

__all__ = [
    "Expansion",
    "FewSeedsWarning",
    "IndistinctSeedsWarning",
    "Lookalike",
    "LookalikeEvaluation",
    "SeedSeparation",
    "SeedsNotDistinct",
    "TagLevels",
]
