"""Training sets on the tiny mart, on both engines: who is in, with what, and who is not."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from marketing_ds import labels
from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.audiences import audience
from marketing_ds.mart import open_mart
from marketing_ds.rules import Rule
from marketing_ds.tags import define, tag_table
from marketing_ds.training import training_set

from .conftest import TAGS, day

FUND = labels.bought(category="fund")
CUTOFFS = ["2026-05-10", "2026-04-30"]


def test_features_are_the_tags_of_each_cutoff_and_labels_come_after(engine_mart):
    made = training_set(engine_mart, "bought fund", CUTOFFS, horizon="10d", tags=TAGS, max_auc=1)
    assert made.cutoffs == (day("2026-04-30"), day("2026-05-10"))
    assert list(made.X.columns) == ["customer_id", "as_of", *TAGS]
    assert made.X[["as_of", "customer_id"]].apply(tuple, axis=1).is_monotonic_increasing
    assert not made.X.duplicated(["customer_id", "as_of"]).any()
    for cutoff, bought in ((CUTOFFS[1], {"c02", "c03", "c06"}), (CUTOFFS[0], {"c04", "c05"})):
        here = (made.X["as_of"] == cutoff).to_numpy()
        assert set(made.X["customer_id"][here & (made.y == 1).to_numpy()]) == bought
        rows = tag_table(engine_mart, cutoff, TAGS).order_by("customer_id").to_pyarrow()
        want = rows.to_pandas()
        have = made.X[here].reset_index(drop=True)
        assert have["customer_id"].tolist() == want["customer_id"].tolist()
        for name in ("aum", "age", "transactions_30d", "days_since_purchase"):
            np.testing.assert_array_equal(
                have[name].to_numpy(), want[name].to_numpy("float32", na_value=np.nan)
            )
        assert have["region"].astype(str).tolist() == want["region"].tolist()
        assert have["has_manager"].tolist() == want["has_manager"].tolist()
    assert made.weight.eq(1).all()
    assert made.groups.equals(made.X["customer_id"])


def test_types_are_those_that_take_little(tiny_mart):
    tags = ["aum", "region", "gender", "has_manager", "holds_fund", "lifecycle"]
    made = training_set(tiny_mart, FUND, ["2026-05-10"], horizon=10, tags=tags, max_auc=1)
    types = made.X.dtypes.astype(str).to_dict()
    assert types["aum"] == "float32"
    assert types["region"] == types["gender"] == types["lifecycle"] == "category"
    assert types["has_manager"] == "bool"
    assert types["customer_id"] == "str"
    assert made.y.dtype == "int8"
    assert list(made.X["region"].cat.categories) == sorted(made.X["region"].cat.categories)
    assert (
        made.X["gender"].isna().sum() == 3
    )  # c02, c05, c08 in the tiny mart; c11 is not yet there


def test_both_ways_of_saying_when(tiny_mart):
    last = training_set(tiny_mart, labels.bought(), n_cutoffs=2, horizon="20d", tags=["age"])
    assert last.cutoffs == (day("2026-05-21"), day("2026-06-10"))
    assert last.horizon_days == 20
    weeks = training_set(
        tiny_mart, FUND, n_cutoffs=1, horizon="2w", as_of="2026-05-18", tags=["age"]
    )
    assert weeks.cutoffs == (day("2026-05-04"),)


def test_three_cutoffs_by_default(tiny_mart):
    made = training_set(tiny_mart, labels.bought(), horizon=20, tags=["age"])
    assert made.cutoffs == (day("2026-05-01"), day("2026-05-21"), day("2026-06-10"))


def test_customers_left_out_are_counted(engine_mart):
    made = training_set(
        engine_mart, FUND, CUTOFFS, horizon=10, tags=["age"], max_auc=1,
        population="region == 'Chengdu'",
    )  # fmt: skip
    table = made.to_frame().set_index("cutoff")
    first = table.loc[day("2026-04-30")]
    assert first["horizon_end"] == day("2026-05-10")
    assert first["left_out_not_opened"] == 1
    assert first["left_out_population"] == 6
    assert first["left_out_closed"] == first["left_out_label"] == 0
    assert first["rows"] == first["customers"] == 5
    assert first["positives"] == 1  # c03 alone of the three
    assert first["positive_share"] == pytest.approx(0.2)


def test_those_the_label_does_not_speak_of_are_counted(tiny_mart):
    label = labels.define(
        "again", table="transactions", sql="category = 'fund'", at_least=1, active_within=60
    )
    made = training_set(tiny_mart, label, ["2026-05-05"], horizon=20, tags=["age"], max_auc=1)
    assert made.to_frame()["left_out_label"].tolist() == [5]
    assert len(made) == 6  # whoever had a transaction: the six with a salary


def test_closed_customers_are_left_out_where_the_bank_says_so(tiny_tables, write_mart, tmp_path):
    folder = write_mart(tmp_path / "m", tiny_tables)
    customers = pq.read_table(folder / "customers.parquet").to_pandas()
    closed = {"c01": dt.date(2026, 4, 30), "c02": dt.date(2026, 5, 1)}
    customers["closed_on"] = customers["customer_id"].map(closed)
    customers.to_parquet(folder / "customers.parquet")
    with open_mart(folder, workspace=tmp_path / "w") as mart:
        made = training_set(mart, FUND, ["2026-04-30"], horizon=10, tags=["age"], max_auc=1)
    assert "c01" not in set(made.groups)
    assert "c02" in set(made.groups)
    assert made.to_frame()["left_out_closed"].tolist() == [1]


def test_a_campaign_says_when_itself(engine_mart):
    made = training_set(engine_mart, "converted", n_cutoffs=5, tags=["age"], max_auc=1)
    assert made.cutoffs == (day("2026-05-03"),)
    assert made.horizon_days == 21
    assert set(made.groups[made.y == 1]) == {"c02", "c03", "c04"}
    assert len(made) == 9
    with pytest.raises(InvalidInput, match=r"cutoffs must be left out.*2026-05-03"):
        training_set(engine_mart, "converted", ["2026-05-01"], tags=["age"])


def test_a_rule_is_asked_anew_as_of_each_cutoff(tiny_mart):
    rule = "days_since_purchase <= 7"
    made = training_set(
        tiny_mart, labels.bought(), ["2026-05-05", "2026-05-13"], horizon=25,
        tags=["age"], population=rule, max_auc=1,
    )  # fmt: skip
    who = made.X.groupby("as_of")["customer_id"].agg(set).tolist()
    assert who == [{"c02", "c06"}, {"c02", "c03"}]
    same = training_set(
        tiny_mart, labels.bought(), ["2026-05-05", "2026-05-13"], horizon=25, tags=["age"],
        population=audience(tag_table(tiny_mart, "2026-06-30"), rule), max_auc=1,
    )  # fmt: skip
    pd.testing.assert_frame_equal(made.X, same.X)


def test_a_rule_may_name_tags_of_one_s_own(tiny_mart):
    own = define("rich", rule="aum >= 5000")
    made = training_set(
        tiny_mart, FUND, ["2026-05-10"], horizon=10, tags=["age", own],
        population=Rule.parse("rich"), max_auc=1,
    )  # fmt: skip
    assert set(made.groups) == {"c03", "c05", "c06", "c07", "c08", "c09", "c10", "c12"}


def test_ids_must_have_been_chosen_before_the_first_cutoff(tiny_mart):
    base = tag_table(tiny_mart, "2026-05-10", ["age"])
    ids = ["c01", "c04", "c05", "c07"]
    options = {"cutoffs": ["2026-05-10"], "horizon": 10, "tags": ["age"], "max_auc": 1}
    early = audience(base, ids, as_of="2026-05-10")
    made = training_set(tiny_mart, FUND, population=early, **options)
    assert set(made.groups) == set(ids)
    for late in (audience(base, ids, as_of="2026-05-11"), audience(base, ids)):
        with pytest.raises(InvalidInput, match="not after the first cut-off 2026-05-10"):
            training_set(tiny_mart, FUND, population=late, **options)


def test_without_tags_named_all_that_the_mart_answers(tiny_mart):
    made = training_set(tiny_mart, labels.bought(), ["2026-05-01"], horizon=30, leaks="error",
                        max_auc=1)  # fmt: skip
    assert set(tag_table(tiny_mart, "2026-05-01").columns[1:]) == set(made.tags)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cutoffs": ["2026-06-01"]}, "use a cutoff of 2026-05-31 or earlier"),
        ({"cutoffs": ["2026-05-01", "2026-05-01"]}, "different days, got 2026-05-01 twice"),
        ({"cutoffs": []}, "at least one date"),
        ({"cutoffs": "2026-05-01"}, "must be a list"),
        ({"cutoffs": ["2026-05-01"], "n_cutoffs": 2}, "must not both be given"),
        ({"n_cutoffs": 0}, "n_cutoffs must be at least 1"),
        ({"n_cutoffs": 2, "horizon": "a month"}, "horizon must be days such as '30d'"),
        ({"n_cutoffs": 2, "horizon": 0}, "horizon must be at least 1"),
        ({"n_cutoffs": 2, "horizon": "0d"}, "horizon must be at least 1"),
        ({"cutoffs": ["2019-05-01"]}, "before the first customer was opened"),
        ({"negatives": 0}, "negatives must be greater than 0"),
        ({"leaks": "ignore"}, "leaks must be one of 'error', 'warn'"),
        ({"allow": "age"}, r"write \['age'\]"),
        ({"population": 3}, "population must be a rule text, a Rule or an Audience, got int"),
        ({"population": "aeg > 3"}, "did you mean 'age'"),
        ({"tags": ["agee"]}, "did you mean 'age'"),
        ({"cutoffs": ["2026-05-19"], "horizon": 5}, r"got 0 of 11 at 1 cut-off\(s\)"),
    ],
)
def test_bad_input_is_refused(tiny_mart, options, message):
    with pytest.raises(InvalidInput, match=message):
        training_set(tiny_mart, FUND, **{"tags": ["age"], **options})


def test_a_label_without_its_table_is_refused(tiny_tables, open_tables):
    del tiny_tables["transactions"]
    with pytest.raises(MartError, match="needs the table"):
        training_set(open_tables(tiny_tables), FUND, n_cutoffs=1)


def test_a_customer_twice_in_the_mart_is_refused(tiny_tables, open_tables):
    tiny_tables["customers"].append(tiny_tables["customers"][0])
    with pytest.raises(MartError, match="one row for each customer_id"):
        training_set(open_tables(tiny_tables), FUND, ["2026-05-10"], horizon=10, tags=["age"],
                     max_auc=1)  # fmt: skip
