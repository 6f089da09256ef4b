"""Look-alike: candidates scored by closeness to seed customers, with proof that it worked.

`Lookalike` reads tags as levels (`encode`) and learns from the levels what distinguishes seeds from
the base (`evidence`). Candidates are looked up among seeds and ordinary customers (`neighbourhood`,
FAISS), told from them by a classifier (`classifier`, XGBoost), or both; held-out seeds say which
(`selection`), and whether hidden seeds are found again (`evaluation`). Of many candidates only those
are scored that pass a cheap screen (`screening`); a `CandidateIndex` keeps them for many campaigns.
"""

from .encode import TagLevels
from .evaluation import LookalikeEvaluation
from .expansion import Expansion
from .explaining.proxies import Skew, SkewWarning
from .explaining.reasons import CustomerReasons
from .explaining.seed_profile import SeedProfile
from .explaining.separation import SeedSeparation
from .fitting import FewSeedsWarning, IndistinctSeedsWarning, SeedsNotDistinct
from .holdout import Holdout
from .kept.candidates import CandidateIndex, IndexChange
from .model import Lookalike
from .reach import ReachCurve
from .selection import Selection

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
