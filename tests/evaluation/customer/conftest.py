"""One analysis of the sample bank's last campaign for all tests that look at it."""

from __future__ import annotations

import pytest

from marketing_ds.evaluation.customer import CustomerAnalysis, analyze_customers
from marketing_ds.mart import Mart


@pytest.fixture(scope="package")
def prime(sample_mart: Mart) -> CustomerAnalysis:
    """Campaign K06 of the sample bank."""
    return analyze_customers(sample_mart, "K06")
