"""The catalogue's tags, as they are declared: customers, products, campaigns."""

from ._campaigns import CAMPAIGN_TAGS
from ._customers import CUSTOMER_TAGS
from ._products import PRODUCT_TAGS

__all__ = ["CAMPAIGN_TAGS", "CUSTOMER_TAGS", "PRODUCT_TAGS"]
