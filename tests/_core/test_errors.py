"""Errors can be caught as one family or as what Python calls them."""

from __future__ import annotations

import pytest

from marketing_ds._core import errors
from marketing_ds._core.errors import MarketingError, MissingExtra, did_you_mean

FAMILY = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, Exception) and kind is not MarketingError
]


@pytest.mark.parametrize("kind", FAMILY)
def test_every_error_is_one_of_ours(kind: type[Exception]) -> None:
    assert issubclass(kind, MarketingError)
    assert kind.__doc__


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.InvalidInput, ValueError),
        (errors.NotPublished, LookupError),
        (errors.MissingExtra, ImportError),
    ],
)
def test_code_that_knows_only_python_can_catch_them(
    kind: type[Exception], builtin: type[Exception]
) -> None:
    assert issubclass(kind, builtin)


def test_a_missing_package_says_what_to_install() -> None:
    assert str(MissingExtra("pyspark", "spark")) == (
        "pyspark is not installed; install it with: pip install 'marketing-ds[spark]' "
        "(in a clone: pip install '.[spark]')"
    )


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["lifecycle", "age"], "; did you mean 'lifecycle'?"),
        (["lifecycles", "lifecycle"], "; did you mean 'lifecycle' or 'lifecycles'?"),
        (["age"], ""),
        ([], ""),
        ([7, "lifecycle", None], "; did you mean 'lifecycle'?"),
    ],
)
def test_the_nearest_words_are_named(options: list[object], hint: str) -> None:
    assert did_you_mean("lifecicle", options) == hint
