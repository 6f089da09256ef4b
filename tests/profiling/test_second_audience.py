"""An audience against a second one: apart, overlapping, or the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import Audience, audience
from marketing_ds.profiling import profile, tgi_interval

from .people import people

FRAME = people()


@pytest.fixture(scope="module")
def rich() -> Audience:
    return audience(FRAME, "aum >= 20000")


@pytest.fixture(scope="module")
def active(rich: Audience) -> Audience:
    return audience(rich.base, "visits >= 3")


def test_counts_and_tgi_of_overlapping_audiences_are_those_by_hand(
    rich: Audience, active: Audience
) -> None:
    found = profile(rich, base=active, tags=["lifecycle"])
    first, second = FRAME["aum"] >= 20_000, FRAME["visits"] >= 3
    assert (found.audience_count, found.base_count) == (first.sum(), second.sum())
    assert found.shared_count == (first & second).sum()
    for row in found.to_frame().itertuples():
        holds = FRAME["lifecycle"] == row.value
        x, y, both = (int((holds & side).sum()) for side in (first, second, first & second))
        assert (row.n_audience, row.n_base) == (x, y)
        expected = tgi_interval(
            [x], int(first.sum()), [y], int(second.sum()),
            shared=[both], shared_size=int((first & second).sum()),
        )  # fmt: skip
        np.testing.assert_allclose(
            [row.tgi, row.tgi_ci_lower, row.tgi_ci_upper, row.p_value],
            [float(part[0]) for part in expected],
        )


def test_audiences_that_share_nobody(rich: Audience) -> None:
    found = profile(rich, base=~rich, tags=["lifecycle", "visits"])
    assert found.shared_count == 0
    assert found.audience_count + found.base_count == len(FRAME)
    back = profile(~rich, base=rich, tags=["lifecycle", "visits"]).to_frame()
    both = found.to_frame().merge(back, on=["tag", "value"], suffixes=("", "_back"))
    np.testing.assert_allclose(both["tgi"] * both["tgi_back"], 1e4)
    np.testing.assert_allclose(both["tgi_ci_lower"] * both["tgi_ci_upper_back"], 1e4, rtol=1e-6)
    np.testing.assert_allclose(both["p_value"], both["p_value_back"])


def test_an_audience_against_itself_is_as_itself(rich: Audience) -> None:
    frame = profile(rich, base=rich).to_frame()
    assert (frame["tgi"] == 100).all()
    assert (frame["p_value"] == 1).all()


def test_against_the_whole_table_it_is_the_usual_profile(rich: Audience) -> None:
    everybody = audience(rich.base, "aum >= 0")
    found, usual = profile(rich, base=everybody), profile(rich)
    assert found.against == "audience"
    pd.testing.assert_frame_equal(found.to_frame(), usual.to_frame())


def test_values_that_few_of_the_second_have_are_hidden(rich: Audience) -> None:
    poor = audience(rich.base, "aum < 51000")  # hardly anybody of them is affluent
    found = profile(rich, base=poor, tags=["value_tier"])
    few = int(((FRAME["aum"] >= 50_000) & (FRAME["aum"] < 51_000)).sum())
    assert 0 < few < 10
    assert found.to_frame().empty  # the others would tell how many
    assert found.hidden.loc[0, "n_base"] == found.base_count


def test_a_rule_is_chosen_from_the_second_audiences_table(active: Audience) -> None:
    found = profile("aum >= 20000", base=active, tags=["lifecycle"])
    assert found.texts == ("aum >= 20000", "visits >= 3")
    assert found.rule_tags == ("aum", "visits")


def test_audiences_of_different_tables_are_refused(rich: Audience) -> None:
    other = audience(people(seed=6), "aum >= 20000")
    with pytest.raises(InvalidInput, match="chosen from the same tag table as aud"):
        profile(rich, base=other)


def test_an_empty_second_audience_is_refused(rich: Audience) -> None:
    with pytest.raises(InvalidInput, match="base must have at least one customer"):
        profile(rich, base=audience(rich.base, "aum < 0"))


def test_tags_of_every_part_of_an_audience_are_known(rich: Audience, active: Audience) -> None:
    assert profile(rich - active, tags=["region"]).rule_tags == ("aum", "visits")
    assert set(profile(rich.top(50, "visits"), tags=["region"]).rule_tags) == {"visits", "aum"}
    ids = rich.to_frame()["customer_id"].tolist()
    assert profile(audience(rich.base, ids), tags=["region"]).rule_tags == ()
