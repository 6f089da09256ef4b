"""Eligibility: consent, suppression and the date decide, channel by channel."""

from __future__ import annotations

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.mart import universal_control
from marketing_ds.strategy import eligible, eligible_scores


def ids(table: ibis.Table) -> set[str]:
    return set(table.to_pyarrow()["customer_id"].to_pylist())


def test_consent_suppression_and_date_decide(tiny_mart) -> None:
    everyone = {f"c{i:02d}" for i in range(1, 13)}
    assert ids(eligible(tiny_mart, "sms")) == everyone - {"c10", "c12"}
    assert ids(eligible(tiny_mart, "app")) == everyone - {"c12"}
    assert ids(eligible(tiny_mart, "app", as_of="2026-06-14")) == everyone - {"c11", "c12"}


def test_the_universal_control_group_is_left_out(tiny_mart) -> None:
    before = ids(eligible(tiny_mart, "app"))
    universal_control(tiny_mart, 0.3, salt="2026", as_of="2026-06-30")
    group = ids(tiny_mart.latest("segments", name="universal_control"))
    assert before & group
    assert ids(eligible(tiny_mart, "app")) == before - group


def test_scores_keep_the_rows_whose_offer_may_be_sent(tiny_mart, offers) -> None:
    customers = ids(tiny_mart["customers"])
    scores = pd.DataFrame(
        [(c, arm, 0.1) for c in sorted(customers) for arm in ("message", "coupon")],
        columns=["customer_id", "arm", "score"],
    )
    kept = eligible_scores(tiny_mart, scores, offers)
    dropped = scores.drop(kept.index)
    assert set(zip(dropped["customer_id"], dropped["arm"], strict=True)) == {
        ("c10", "message"),
        ("c12", "message"),
        ("c12", "coupon"),
    }


@pytest.mark.parametrize("n_offers", [1, 3])
def test_ibis_scores_give_the_same_rows(n_offers, tiny_mart, offers) -> None:
    offers = offers.iloc[:n_offers]
    scores = pd.DataFrame(
        [(c, arm) for c in sorted(ids(tiny_mart["customers"])) for arm in ("message", "coupon")],
        columns=["customer_id", "arm"],
    )
    table = ibis.memtable(pa.Table.from_pandas(scores))
    found = eligible_scores(tiny_mart, table, offers).to_pyarrow().to_pylist()
    expected = eligible_scores(tiny_mart, scores, offers).to_dict("records")
    assert sorted(map(str, found)) == sorted(map(str, expected))


def test_unknown_channel_is_refused(tiny_mart) -> None:
    with pytest.raises(InvalidInput, match="channel must be one of"):
        eligible(tiny_mart, "fax")
