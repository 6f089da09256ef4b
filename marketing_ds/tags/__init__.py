"""Tags: named facts about customers as of a date, declared once and computed in few scans."""

from ._catalogue import Catalogue, catalogue
from ._quality import TagQuality, tag_quality
from ._refresh import Refreshed, refresh_tags
from ._table import answered_tags, tag_table
from ._tag import AS_OF, Aggregate, Fact, Formula, Tag, where
from .own import Bands, define

__all__ = [
    "AS_OF",
    "Aggregate",
    "Bands",
    "Catalogue",
    "Fact",
    "Formula",
    "Refreshed",
    "Tag",
    "TagQuality",
    "answered_tags",
    "catalogue",
    "define",
    "refresh_tags",
    "tag_quality",
    "tag_table",
    "where",
]
