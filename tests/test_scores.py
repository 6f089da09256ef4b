"""The scores table: columns as in the contract, and what it refuses."""

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.schema import SCORES
from marketing_ds.scores import scores_frame


def make(ids=("a", "b"), **changes):
    given = {"as_of": "2026-06-30", "kind": "propensity", "score": [0.1, 0.2], "model_version": "v"}
    return scores_frame(list(ids), **(given | changes))


def test_has_the_columns_of_the_contract_in_their_types():
    frame = make(arm="coupon", standard_error=[0.01, np.nan])
    schema = ibis.memtable(frame).schema()
    assert {name: str(kind) for name, kind in schema.items()} == {
        column.name: column.type for column in SCORES.columns
    }
    assert tuple(frame.columns) == SCORES.column_names


def test_keeps_the_order_and_values_given():
    frame = make(ids=("b", "a"), arm=["x", "y"])
    assert frame["customer_id"].tolist() == ["b", "a"]
    assert frame["arm"].tolist() == ["x", "y"]
    assert frame["score"].tolist() == [0.1, 0.2]
    assert frame["as_of"].tolist() == [dt.date(2026, 6, 30)] * 2


def test_arm_and_error_are_null_where_not_given():
    frame = make()
    assert frame["arm"].isna().all()
    assert frame["standard_error"].isna().all()


def test_a_series_with_its_own_index_is_taken_by_position():
    ids = pd.Series(["a", "b"], index=[7, 3])
    frame = scores_frame(
        ids, as_of="2026-06-30", kind="uplift", score=pd.Series([1.0, 2.0]), model_version="v"
    )
    assert frame["score"].tolist() == [1.0, 2.0]


def test_a_customer_may_come_once_per_arm():
    assert len(make(ids=("a", "a"), arm=["x", "y"])) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": ("a", "a")}, "customer_id must come once per arm, got 1 again, first 'a'"),
        ({"ids": ("a", None)}, "customer_id must not be null"),
        ({"ids": (1, 2)}, "customer_id must be text, got integer"),
        ({"score": [0.1]}, r"score must have one entry per customer_id \(2\), got 1"),
        (
            {"score": [0.1, np.nan]},
            "score must be finite, got 1 that are not, first for customer 'b'",
        ),
        ({"score": [[0.1], [0.2]]}, "score must have one dimension"),
        ({"arm": ["x"]}, "arm must have one entry"),
        ({"standard_error": [0.1, -0.1]}, "standard_error must be at least 0"),
        ({"kind": "uplifting"}, "did you mean 'uplift'"),
        ({"as_of": "June"}, "as_of must be a date"),
        ({"model_version": ""}, "model_version must be a text"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_refuses(changes, message):
    with pytest.raises(InvalidInput, match=message):
        make(**changes)
