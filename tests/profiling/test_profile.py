"""Profiles: counts and TGI by hand, suppression, ranking, what is refused, the picture."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import matplotlib as mpl
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import false_discovery_control

from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import Audience, audience
from marketing_ds.plots import _lettering as lettering
from marketing_ds.profiling import Profile, profile, tgi_interval

mpl.use("Agg")
N = 1000


@pytest.fixture(scope="module")
def base() -> ibis.Table:
    rng = np.random.default_rng(2)
    tier = rng.choice(["mass", "affluent", "vip"], N, p=[0.7, 0.25, 0.05])
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i:04d}" for i in range(N)],
            "value_tier": tier,
            "aum": np.where(rng.random(N) < 0.4, 0.0, rng.lognormal(9, 1.5, N)),
            "age": pd.array(np.where(rng.random(N) < 0.1, np.nan, rng.integers(18, 80, N)), dtype="Int64"),
            "salary_found": pd.array(rng.choice([True, False, None], N), dtype="boolean"),
            "deposit_share": rng.random(N),
            "joined": [dt.date(2020 + i % 3, 1, 1) for i in range(N)],
            "mine": rng.choice(["a", "b"], N),
        }
    )  # fmt: skip
    return ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))


@pytest.fixture(scope="module")
def rich(base: ibis.Table) -> Audience:
    return audience(base, "aum > 8000 or value_tier == 'vip'")


@pytest.fixture(scope="module")
def prof(rich: Audience) -> Profile:
    return profile(rich)


def _row(prof: Profile, tag: str, value: str) -> pd.Series:
    frame = prof.to_frame()
    ((_, row),) = frame[(frame["tag"] == tag) & (frame["value"] == value)].iterrows()
    return row


def test_counts_shares_and_tgi_are_those_counted_by_hand(
    prof: Profile, rich: Audience, base: ibis.Table
) -> None:
    frame = base.to_pyarrow().to_pandas()
    inside = frame["customer_id"].isin(rich.to_frame()["customer_id"])
    for tag, value, holds in [
        ("value_tier", "vip", frame["value_tier"] == "vip"),
        ("aum", "0", frame["aum"] == 0),
        ("age", "(missing)", frame["age"].isna()),
        ("salary_found", "yes", frame["salary_found"] == True),  # noqa: E712
        ("joined", "2021", pd.to_datetime(frame["joined"]).dt.year == 2021),
    ]:
        if (holds & inside).sum() < 10:
            continue
        row = _row(prof, tag, value)
        x, both = int((holds & inside).sum()), int(holds.sum())
        assert (row["n_audience"], row["n_base"]) == (x, both)
        assert row["audience_share"] == pytest.approx(x / inside.sum())
        assert row["base_share"] == pytest.approx(both / N)
        expected = tgi_interval([x], int(inside.sum()), [both], N)
        found = row[["tgi", "tgi_ci_lower", "tgi_ci_upper", "p_value"]].tolist()
        assert found == pytest.approx([float(part[0]) for part in expected])


def test_the_values_of_a_tag_add_up_to_everybody(rich: Audience) -> None:
    frame = profile(rich, min_count=1).to_frame()
    sums = frame.groupby("tag")[["n_audience", "n_base"]].sum()
    assert (sums["n_audience"] == rich.count()).all()
    # Values that nobody of the audience has are not shown, whatever the base.
    assert (sums["n_base"] <= N).all()
    assert (sums.loc[["joined", "mine", "salary_found"], "n_base"] == N).all()


def test_small_cells_are_suppressed(rich: Audience) -> None:
    assert profile(rich, min_count=60).to_frame()["n_audience"].min() >= 60
    assert profile(rich, min_count=1).to_frame()["n_audience"].min() < 60
    assert profile(audience(rich.base, ["c0001"])).to_frame().empty


def test_p_values_are_adjusted_over_the_rows_shown(prof: Profile) -> None:
    frame = prof.to_frame()
    np.testing.assert_allclose(frame["p_adjusted"], false_discovery_control(frame["p_value"]))


def test_chance_differences_are_rarely_called_real(base: ibis.Table) -> None:
    rng = np.random.default_rng(8)
    ids = base.to_pyarrow()["customer_id"].to_pylist()
    called = 0
    for _ in range(8):
        prof = profile(audience(base, rng.choice(ids, 300, replace=False).tolist()))
        called += bool((prof.to_frame()["p_adjusted"] < 0.05).any())
    assert called <= 2  # 5 % of 8 expected


def test_the_surest_differences_come_first(prof: Profile) -> None:
    frame = prof.to_frame()
    nearest = np.clip(100, frame["tgi_ci_lower"], frame["tgi_ci_upper"])
    sure = np.abs(np.log(nearest / 100))
    assert (np.diff(sure) <= 1e-12).all()
    assert frame.loc[0, "tag"] == "aum"


def test_a_base_handed_in_gives_the_same(base: ibis.Table, rich: Audience, prof: Profile) -> None:
    as_frame = base.to_pyarrow().to_pandas()
    pd.testing.assert_frame_equal(profile(rich, base=as_frame).to_frame(), prof.to_frame())
    pd.testing.assert_frame_equal(profile(rich, base=base).to_frame(), prof.to_frame())
    by_rule = profile(str(rich.rule), base=base)
    pd.testing.assert_frame_equal(by_rule.to_frame(), prof.to_frame())


def test_the_audience_as_its_own_base_is_as_the_base(base: ibis.Table) -> None:
    frame = profile(audience(base, "aum >= 0")).to_frame()
    assert (frame["tgi"] == 100).all()
    assert (frame["p_value"] == 1).all()


def test_titles_and_values_in_chinese(rich: Audience, prof: Profile) -> None:
    chinese = profile(rich, language="zh").to_frame()
    titles = dict(zip(chinese["tag"], chinese["title"], strict=True))
    assert titles["value_tier"] == "价值分层"
    assert titles["aum"] == "管理资产规模（AUM）（元）"
    assert titles["mine"] == "mine"  # not of the catalogue
    assert "是" in chinese.loc[chinese["tag"] == "salary_found", "value"].tolist()
    assert "（缺失）" in chinese.loc[chinese["tag"] == "age", "value"].tolist()
    pd.testing.assert_frame_equal(prof.to_frame("zh"), chinese)


def test_tags_can_be_named(rich: Audience) -> None:
    frame = profile(rich, tags=["age", "deposit_share"]).to_frame()
    assert set(frame["tag"]) == {"age", "deposit_share"}
    assert frame.loc[frame["tag"] == "deposit_share", "value"].str.contains("%").all()


def test_infinite_and_missing_numbers_are_values_of_their_own() -> None:
    values = [float(i) for i in range(60)] + [np.inf, -np.inf, np.nan, None] * 5
    frame = pd.DataFrame({"customer_id": [f"c{i}" for i in range(80)], "x": values, "empty": None})
    frame["empty"] = frame["empty"].astype("Float64")
    aud = audience(frame, [f"c{i}" for i in range(0, 80, 2)])
    rows = profile(aud, min_count=1).to_frame()
    missing = rows[rows["value"] == "(missing)"].set_index("tag")["n_base"].to_dict()
    assert missing == {"x": 20, "empty": 80}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tags": ["agee"]}, "did you mean 'age'"),
        ({"tags": "age"}, "must be a list of names"),
        ({"tags": []}, "at least one tag"),
        ({"tags": ["list"]}, "must hold numbers, words, dates"),
        ({"min_count": 0}, "min_count must be at least 1"),
        ({"alpha": 1}, "alpha must be between 0 and 1"),
        ({"language": "de"}, "language must be one of"),
        ({"aud": ["c0001"]}, "base must be given"),
        ({"aud": ["c9999"], "base": None}, "base must be given"),
    ],
)
def test_bad_arguments_are_refused(
    base: ibis.Table, arguments: dict[str, Any], message: str
) -> None:
    table = base.mutate(list=ibis.array([base.aum]))
    with pytest.raises(InvalidInput, match=message):
        profile(**{"aud": audience(table, "aum > 0"), **arguments})


def test_an_audience_must_be_there_and_in_the_base(base: ibis.Table, rich: Audience) -> None:
    with pytest.raises(InvalidInput, match="it is empty"):
        profile(audience(base, "aum > 1e12"))
    with pytest.raises(InvalidInput, match="which it does not have"):
        profile(rich, base=base.filter(base.aum < 9000))


def test_it_shows_as_a_table(prof: Profile) -> None:
    assert "Assets under management (CNY)" in prof._repr_html_()


def test_the_picture_shows_the_top_rows(prof: Profile) -> None:
    axes = prof.plot(top=6)
    assert len(axes.get_yticklabels()) == 6
    assert f"{prof.audience_count:,} of 1,000 customers" in axes.get_title("left")
    drawn = {label.get_text() for label in axes.get_yticklabels()}
    top = prof.to_frame().head(6)
    assert drawn == {f"{t}: {v}" for t, v in zip(top["title"], top["value"], strict=True)}


def test_the_picture_is_in_english_where_no_chinese_font_is(
    rich: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lettering, "CHINESE_FONTS", ())
    axes = profile(rich, language="zh").plot(top=3)
    axes.figure.canvas.draw()
    assert "Who they are" in axes.get_title("left")


def test_the_picture_is_in_chinese_where_a_font_is(
    rich: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lettering, "CHINESE_FONTS", ("DejaVu Sans",))  # stands in; not drawn
    axes = profile(rich, language="zh").plot(top=3)
    assert "客群画像" in axes.get_title("left")


def test_an_empty_profile_has_a_picture_too(base: ibis.Table) -> None:
    axes = profile(audience(base, ["c0001"])).plot()
    axes.figure.canvas.draw()
    assert "1 of 1,000 customers" in axes.get_title("left")
