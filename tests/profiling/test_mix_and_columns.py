"""Mixes in natural order, what is not shown as one row, and quantiles of very many customers."""

from __future__ import annotations

import numpy as np
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import audience
from marketing_ds.profiling import _columns, profile
from marketing_ds.tags import Fact, Tag

from .people import people

FRAME = people()


def test_a_mix_is_in_the_order_of_the_catalogue() -> None:
    mix = profile(audience(FRAME, "visits >= 2")).mix("value_tier")
    assert mix.to_frame()["value"].tolist() == ["mass", "affluent", "vip"]
    assert mix.to_frame("zh")["value"].tolist() == ["大众", "富裕", "贵宾"]
    assert (mix.title(), mix.title("zh")) == ("Value tier", "价值分层")
    shares = mix.to_frame()[["audience_share", "base_share"]].sum()
    assert shares.tolist() == pytest.approx([1, 1])


def test_bins_and_years_are_in_order_and_missing_values_last() -> None:
    prof = profile(audience(FRAME, "visits >= 2"))
    assert prof.mix("joined").to_frame()["value"].tolist() == ["2020", "2021", "2022", "2023"]
    assert prof.mix("aum").to_frame()["value"].iloc[0] == "0"
    assert prof.mix("region").to_frame()["value"].tolist()[-1] == "(missing)"
    assert prof.mix("salary_found").to_frame()["value"].tolist() == ["yes", "no", "(missing)"]


def test_what_is_not_shown_is_one_row() -> None:
    frame = FRAME.assign(rare=["x"] * 4 + ["y"] * 5 + ["z"] * 30 + ["w"] * (len(FRAME) - 39))
    mix = profile(audience(frame, "aum >= 0"), tags=["rare"]).mix("rare").to_frame()
    assert mix["value"].tolist() == ["w", "(not shown)"]
    assert mix["n_base"].tolist() == [len(FRAME) - 39, 39]
    assert np.isnan(mix["tgi"].iloc[1])


def test_a_mix_is_of_a_tag_that_is_profiled() -> None:
    prof = profile(audience(FRAME, "aum >= 0"), tags=["region"])
    with pytest.raises(InvalidInput, match="got 'regoin'; did you mean 'region'"):
        prof.mix("regoin")
    with pytest.raises(InvalidInput, match="name it in profile"):
        prof.mix("lifecycle")


def test_rfm_classes_are_known_by_their_names() -> None:
    names = [f"{a}_{b}" for a in ("important", "general") for b in ("value", "keep")]
    frame = FRAME.assign(rfm_class=[names[i % 4] for i in range(len(FRAME))])
    mix = profile(audience(frame, "aum >= 0"), tags=["rfm_class"]).mix("rfm_class")
    assert mix.is_rfm
    assert set(mix.by_cell()) == set(names)
    assert not profile(audience(frame, "aum >= 0"), tags=["region"]).mix("region").is_rfm


def test_a_tag_of_ones_own_brings_its_title_and_words() -> None:
    own = Tag("region", "Where", "所在地", "string", Fact("region"), "", words=(("west", "西部"),))
    prof = profile(audience(FRAME, "aum >= 0"), tags=[own, "visits"])
    rows = prof.to_frame("zh")
    assert set(rows.loc[rows["tag"] == "region", "title"]) == {"所在地"}
    assert "西部" in set(rows["value"])
    assert prof.mix("region").to_frame()["value"].tolist()[0] == "west"


def test_of_very_many_customers_only_a_part_makes_the_bins(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = profile(audience(FRAME, "aum >= 0"), tags=["aum", "visits"]).to_frame()
    monkeypatch.setattr(_columns, "_ENOUGH", 1000)
    drawn = profile(audience(FRAME, "aum >= 0"), tags=["aum", "visits"]).to_frame()
    counted = drawn.groupby("tag")[["n_audience", "n_base"]].sum()
    assert (counted["n_base"] == len(FRAME)).all()  # everybody is counted all the same
    assert drawn.loc[drawn["tag"] == "visits", "value"].isin(exact["value"]).mean() > 0.5
