"""Look-alike: candidates scored by closeness to seed customers, with proof that it worked.

`Lookalike` reads tags as levels (`encode`) and learns from the levels what distinguishes seeds from
the base (`evidence`). Candidates are looked up among seeds and ordinary customers (`neighbourhood`,
FAISS), told from them by a classifier (`classifier`, XGBoost), or both; held-out seeds say which
(`selection`), and whether hidden seeds are found again (`evaluation`). Of many candidates only those
are scored that pass a cheap screen (`cascade`); a `CandidateIndex` keeps them for many campaigns.
"""

from .candidates import CandidateIndex, IndexChange
from .encode import TagLevels
from .evaluation import LookalikeEvaluation
from .expansion import Expansion
from .fitting import FewSeedsWarning, IndistinctSeedsWarning, SeedsNotDistinct
from .holdout import Holdout
from .model import Lookalike
from .proxies import Skew, SkewWarning
from .reach import ReachCurve
from .reasons import CustomerReasons
from .seed_profile import SeedProfile
from .selection import Selection
from .separation import SeedSeparation

__all__ = [
    "CandidateIndex",
    "CustomerReasons",
    "Expansion",
    "FewSeedsWarning",
    "Holdout",
    "IndexChange",
    "IndistinctSeedsWarning",
    "Lookalike",
    "LookalikeEvaluation",
    "ReachCurve",
    "SeedProfile",
    "SeedSeparation",
    "SeedsNotDistinct",
    "Selection",
    "Skew",
    "SkewWarning",
    "TagLevels",
]
