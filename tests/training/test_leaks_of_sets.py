"""The leak check of training sets, on the sample bank: planted leaks are named, honest sets pass."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest

from marketing_ds import labels
from marketing_ds.labels import read_label
from marketing_ds.schema import CATEGORIES
from marketing_ds.tags import Fact, Formula, Tag, catalogue, define, tag_table
from marketing_ds.training import LeakFound, find_leaks, training_set
from marketing_ds.training._provenance import dated

CUTOFF = "2026-03-31"
FEW = ["aum", "fund_cny", "active_days_90d", "age"]
TEXTS = (
    "bought", *(f"bought {c}" for c in CATEGORIES if c not in ("card", "retail")),
    "balance up by 10 %", "balance of fund up by 10 %", "balance of wealth up by 10 %",
    "balance of deposit up by 10 %", "inactive", "clicked", "redeemed", "converted",
)  # fmt: skip


@pytest.fixture(scope="module")
def buyers(sample_mart):
    """Customers who buy a fund after the cut-off."""
    rows = labels.bought(category="fund").table(sample_mart, CUTOFF, 30)
    return rows.filter(rows.label == 1).customer_id.to_pyarrow().to_pylist()


@pytest.fixture(scope="module")
def features(sample_mart):
    """All tags as of the cut-off."""
    return tag_table(sample_mart, CUTOFF).to_pyarrow().to_pandas()


def _set(mart, **options):
    options = {"cutoffs": [CUTOFF], "tags": FEW, **options}
    return training_set(mart, "bought fund", **options)


def test_dated_are_tags_of_the_catalogue_with_a_history():
    tags = [catalogue()[name] for name in ("aum", "age", "has_manager", "lifecycle")]
    own = define("rich", rule="aum > 10")
    assert dated([*tags, own]) == ("aum", "age", "lifecycle")


@pytest.mark.parametrize("text", TEXTS)
def test_all_tags_of_the_sample_bank_pass_for_every_label(sample_mart, features, text):
    label = read_label(text, sample_mart)
    cutoff, days = label.own_window(sample_mart) or (CUTOFF, 30)
    table = label.table(sample_mart, cutoff, days).to_pyarrow().to_pandas()
    both = features.merge(table, on="customer_id")
    found = find_leaks(both.drop(columns="label"), both["label"])
    assert found.found == ()
    assert found.figures["auc"].iloc[0] < 0.76


def test_a_whole_set_passes(sample_mart):
    made = training_set(sample_mart, "bought fund", n_cutoffs=1, negatives=3)
    assert len(made.tags) > 200
    assert made.leaks.found == made.leaks.allowed == ()
    assert made.leaks.unversioned[:3] == ("region", "branch", "occupation")
    assert not {"age", "gender", "aum"} & set(made.leaks.unversioned)


def test_a_list_that_does_not_say_since_when_is_named(sample_mart, buyers):
    leaky = define("in_crm_list", listed=buyers)
    with pytest.raises(LeakFound, match="'in_crm_list': its list does not say from which day"):
        _set(sample_mart, tags=[*FEW, leaky])
    on_top = define("rich_list", rule="in_crm_list and aum > 0", known=[leaky])
    with pytest.raises(LeakFound, match="'rich_list': its list does not say"):
        _set(sample_mart, tags=[*FEW, on_top])


def test_a_dated_list_of_the_future_says_nothing(sample_mart, buyers):
    after = pd.DataFrame({"customer_id": buyers, "value": 1, "known_from": dt.date(2026, 4, 30)})
    made = _set(sample_mart, tags=[*FEW, define("listed_later", listed=after)])
    assert made.X["listed_later"].isna().all()
    assert made.leaks.found == ()


def test_a_list_that_was_dated_back_is_named_by_its_figure(sample_mart, buyers):
    back = pd.DataFrame({"customer_id": buyers, "value": 1, "known_from": dt.date(2026, 3, 1)})
    with pytest.raises(LeakFound, match="'dated_back': it is the label itself"):
        _set(sample_mart, tags=[*FEW, define("dated_back", listed=back)])


def test_a_formula_that_reads_rows_by_itself_is_named(sample_mart):
    future = sample_mart["transactions"]
    future = future.filter(future.occurred_at > ibis.timestamp("2026-04-01 00:00:00"))
    leaky = Tag(
        "will_move", "Will move", "将交易", "boolean",
        Formula(lambda ids: ids.isin(future.customer_id), (Fact("customer_id"),)),
        "Reads transactions past the compiler.",
    )  # fmt: skip
    with pytest.raises(LeakFound, match="'will_move': its formula reads rows by itself"):
        _set(sample_mart, tags=[*FEW, leaky])


def test_own_tags_on_honest_ground_pass(sample_mart):
    own = [
        define("fund_rate", expression=ibis._.fund_cny / ibis._.aum),
        define("old_and_rich", rule="age > 50 and aum > 100000"),
        define("aum_by_year", expression=ibis._.aum * (ibis._.as_of.year() - 2000)),
        define("in_list", listed=pd.DataFrame({
            "customer_id": ["C0000001"], "value": ["a"], "known_from": [dt.date(2026, 1, 1)],
        })),
        Tag("last_buy", "Last buy", "末次", "float64",
            Formula(lambda days: days * 1.0, (catalogue()["days_since_purchase"].inputs[0],)), ""),
    ]  # fmt: skip
    assert _set(sample_mart, tags=[*FEW, *own]).leaks.found == ()


def test_allow_and_warn_are_the_ways_out(sample_mart, buyers):
    leaky = define("in_crm_list", listed=buyers)
    made = _set(sample_mart, tags=[*FEW, leaky], allow=["in_crm_list"])
    assert {leak.why for leak in made.leaks.allowed} == {"undated", "label"}
    with pytest.warns(UserWarning, match="'in_crm_list': its list does not say"):
        warned = _set(sample_mart, tags=[*FEW, leaky], leaks="warn")
    assert {leak.feature for leak in warned.leaks.found} == {"in_crm_list"}


def test_tags_published_then_and_overwritten_since_are_named(sample_dir, tmp_path, buyers):
    from marketing_ds.mart import open_mart

    tags = [*FEW, "has_manager", "region"]
    with open_mart(sample_dir, workspace=tmp_path / "honest") as mart:
        then = tag_table(mart, CUTOFF, tags).to_pyarrow().to_pandas()
        mart.publish("tags", then, as_of=CUTOFF)
        assert _set(mart, tags=tags).leaks.found == ()
    # As it was known then, nobody who was to buy had a manager yet.
    bought = then["customer_id"].isin(buyers)
    before = then.assign(has_manager=then["has_manager"] & ~bought)
    before.loc[np.arange(len(then)) % 50 == 0, "region"] = "moved"
    with open_mart(sample_dir, workspace=tmp_path / "overwritten") as mart:
        mart.publish("tags", before, as_of=CUTOFF)
        with pytest.raises(LeakFound) as caught:
            _set(mart, tags=tags)
    assert [leak.feature for leak in caught.value.leaks] == ["has_manager"]
    assert "overwritten later" in str(caught.value)
