"""Tags as a matrix: the one encoding that every tree model trains on and every bundle repeats."""

from ._encoder import NULL, RARE, FeatureEncoder, InputColumn, smoothed_rates
from ._read import ID_COLUMNS, Kind, Table, read_column, read_table

__all__ = [
    "ID_COLUMNS",
    "NULL",
    "RARE",
    "FeatureEncoder",
    "InputColumn",
    "Kind",
    "Table",
    "read_column",
    "read_table",
    "smoothed_rates",
]
