"""Tags that a data scientist declares: by rule, bands, expression, SQL or list."""

from ._bands import Bands
from ._define import define

__all__ = ["Bands", "define"]
