"""Labels: what is to be foretold, declared once; true strictly after a cut-off, within a horizon."""

from ._declared import balance_up, bought, clicked, inactive, outcome, redeemed
from ._define import define
from ._label import Label
from ._products import product_labels, products_held
from ._text import read_label

__all__ = [
    "Label",
    "balance_up",
    "bought",
    "clicked",
    "define",
    "inactive",
    "outcome",
    "product_labels",
    "products_held",
    "read_label",
    "redeemed",
]
