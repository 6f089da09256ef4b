"""Tags: named facts about customers as of a date, declared once and computed in few scans."""

from ._catalogue import Catalogue, catalogue
from ._compile import tag_table
from ._tag import AS_OF, Aggregate, Fact, Formula, Tag, where

__all__ = [
    "AS_OF",
    "Aggregate",
    "Catalogue",
    "Fact",
    "Formula",
    "Tag",
    "catalogue",
    "tag_table",
    "where",
]
