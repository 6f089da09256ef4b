"""Labels: strictly after the cut-off, complete, and never of the future."""

from __future__ import annotations

import datetime as dt

import pytest

from marketing_ds import label_sets, open_mart
from marketing_ds._core.errors import InvalidInput, MartError


def test_the_test_set_ends_today_and_the_training_set_before_it(tiny_mart):
    labels = label_sets(tiny_mart, "bought fund", as_of="2026-05-20", horizon_days=10)
    assert labels.test_cutoff == dt.date(2026, 5, 10)
    assert labels.train_cutoff == dt.date(2026, 4, 30)
    frame = labels.to_frame().set_index("set")
    # 1 to 10 May: c06 on the 3rd, c02 on the 4th and 8th, c03 on the 6th; 11 to 20 May: c04, c05.
    assert frame.loc["train", "with_outcome"] == 3
    assert frame.loc["test", "with_outcome"] == 2
    assert frame.loc["train", "customers"] == 11  # c11 opened later


def test_an_outcome_of_the_last_campaign(tiny_mart):
    labels = label_sets(tiny_mart, "converted", as_of="2026-06-30")
    assert labels.train_cutoff == labels.test_cutoff == dt.date(2026, 5, 3)
    rows = labels.train.to_pyarrow().to_pylist()
    assert {row["customer_id"] for row in rows if row["label"]} == {"c02", "c03", "c04"}
    assert len(rows) == 9


def test_an_unknown_outcome_names_those_there_are(tiny_mart):
    with pytest.raises(InvalidInput, match=r"outcome of K1 \(.*converted.*\), got 'visits'"):
        label_sets(tiny_mart, "visits", as_of="2026-06-30")


def test_an_unknown_category_is_named(tiny_mart):
    with pytest.raises(InvalidInput, match="did you mean 'fund'"):
        label_sets(tiny_mart, "bought funds", as_of="2026-06-30")


def test_a_mart_without_a_finished_campaign_says_so(tiny_tables, write_mart, tmp_path):
    tiny_tables["campaigns"] = [row for row in tiny_tables["campaigns"] if not row["randomised"]]
    for name in ("offers", "assignments", "contacts"):
        tiny_tables[name] = [r for r in tiny_tables[name] if r["campaign_id"] != "K1"]
    tiny_tables["benefit_grants"] = []
    mart = open_mart(write_mart(tmp_path / "m", tiny_tables), workspace=tmp_path / "w")
    with pytest.raises(MartError, match="no randomised campaign"):
        label_sets(mart, "converted", as_of="2026-06-30")
