"""Pictures of this room: what they show, in both languages, with and without a Chinese font."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch

from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import Audience, audience
from marketing_ds.plots import _lettering
from marketing_ds.profiling import (
    Alarm,
    Migration,
    Profile,
    Trend,
    behaviour,
    distribution,
    migration,
    profile,
)

from .people import people

mpl.use("Agg")
NAMES = [f"{a}_{b}" for a in ("important", "general") for b in ("value", "develop", "keep")]
FRAME = people().assign(rfm_class=lambda f: [NAMES[i % 6] for i in range(len(f))])


@pytest.fixture(scope="module")
def rich() -> Audience:
    return audience(FRAME, "aum >= 20000")


@pytest.fixture(scope="module")
def prof(rich: Audience) -> Profile:
    return profile(rich, pairs=[("lifecycle", "region")])


@pytest.fixture(scope="module")
def moved() -> Migration:
    later = FRAME.assign(lifecycle=np.where(FRAME.index % 3 == 0, "mature", FRAME["lifecycle"]))
    return migration(FRAME, later.iloc[100:])


@pytest.fixture(scope="module")
def over() -> Trend:
    days = [dt.date(2026, month, 1) for month in range(1, 11)]
    n = [900, 910, 905, 920, 915, 400, 930, 940, 935, 0]
    stayed = [np.nan, *([380] * 8), 0]
    rows = pd.DataFrame(
        {
            "as_of": days, "n": n, "n_base": 2000, "audience_share": np.array(n) / 2000,
            "audience_share_ci_lower": np.array(n) / 2100, "audience_share_ci_upper": np.array(n) / 1900,
            "entered": pd.array(np.array(n) - stayed, dtype="Int64"),
            "left": pd.array(np.array([np.nan, *n[:-1]]) - stayed, dtype="Int64"),
            "stayed": pd.array(stayed, dtype="Int64"),
            "rel_change": np.nan, "psi": 0.01, "psi_first": 0.02,
        }
    )  # fmt: skip
    alarms = (
        Alarm(days[5], "size", -0.56, 0.2, days[4]),
        Alarm(days[5], "mix", 0.4, 0.25, days[4], "region", ("Region", "地区")),
        Alarm(days[9], "empty", 0, 0, days[8]),
    )
    return Trend(
        "aum >= 20000 and " * 5 + "visits > 1", 0.2, 0.05, "en", alarms, rows, pd.DataFrame()
    )


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def _drawn(axes: Axes) -> set[str]:
    """Every text of a picture, after it was drawn."""
    axes.figure.canvas.draw()
    return {text.get_text() for text in axes.findobj(mpl.text.Text)}


def test_crossed_pairs_show_what_was_expected(prof: Profile) -> None:
    assert prof.crossed is not None
    axes = prof.crossed.plot(top=5)
    assert len(axes.get_yticklabels()) == 5
    expected = prof.crossed.to_frame().head(5).sort_values("tgi")["expected_tgi"]
    marks = axes.collections[-1].get_offsets()[:, 0]
    np.testing.assert_allclose(sorted(marks), sorted(expected))


def test_behaviour_shows_ratios_and_not_percentages(rich: Audience) -> None:
    axes = behaviour(rich).plot()
    assert "1" in _drawn(axes)
    assert "100" not in _drawn(axes)
    assert "Per customer: " in axes.get_title("left")


def test_a_mix_shows_shares_and_tgi(prof: Profile) -> None:
    mix = prof.mix("lifecycle")
    texts = _drawn(mix.plot())
    assert {"new", "mature", "dormant"} <= texts
    assert {f"TGI {tgi:.0f}" for tgi in mix.to_frame()["tgi"]} <= texts


def test_rfm_classes_are_drawn_as_a_grid(prof: Profile) -> None:
    axes = prof.mix("rfm_class").plot()
    assert len(axes.patches) == 8
    assert {"not shown", "important\n(high amount)", "win back\nlong ago, rare"} <= _drawn(axes)


def test_distributions_lie_over_each_other(rich: Audience) -> None:
    spread = distribution(rich, "visits")
    axes = spread.plot()
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend[0].startswith("base (2,000), median")
    assert legend[1].startswith("audience (")
    heights = {round(patch.get_height(), 9) for patch in axes.patches}
    assert {round(share, 9) for share in spread.to_frame()["audience_share"].dropna()} <= heights


def test_a_migration_draws_each_flow_as_wide_as_it_is(moved: Migration) -> None:
    axes = moved.plot()
    ribbons = [patch for patch in axes.patches if isinstance(patch, PathPatch)]
    assert len(ribbons) == (~np.isnan(moved.counts)).sum()
    total = 2000
    widths = sorted(p.get_path().vertices[0, 1] - p.get_path().vertices[-1, 1] for p in ribbons)
    np.testing.assert_allclose(widths, np.sort(moved.counts[~np.isnan(moved.counts)]) / total)
    assert {"(left)  100"} <= _drawn(axes)


def test_labels_of_small_nodes_do_not_overlap() -> None:
    small = [f"v{i:02d}" for i in range(12)]
    frame = FRAME.assign(tag=[small[i % 12] if i < 240 else "big" for i in range(len(FRAME))])
    axes = migration(frame, frame, "tag").plot()
    left = sorted(t.get_position()[1] for t in axes.texts if t.get_ha() == "right")
    assert np.diff(left).min() > 0.04


def test_a_trend_rings_its_alarms(over: Trend) -> None:
    axes = over.plot()
    texts = _drawn(axes)
    assert "size -56%\nRegion PSI 0.40" in texts
    assert "empty" in texts
    assert any(text.endswith("…") for text in texts)  # the rule is long
    rings = [c for c in axes.collections if len(c.get_offsets()) == 1 and c.get_sizes().size]
    assert len(rings) == 2


def test_pictures_are_drawn_into_axes_that_are_given(moved: Migration) -> None:
    _, axes = plt.subplots()
    assert moved.plot(ax=axes) is axes


@pytest.mark.parametrize("top", [0, 2.5])
def test_top_is_a_count(prof: Profile, rich: Audience, top: float) -> None:
    assert prof.crossed is not None
    for result in (prof, prof.crossed, behaviour(rich)):
        with pytest.raises(InvalidInput, match="top must be"):
            result.plot(top=top)


@pytest.fixture
def in_chinese(rich: Audience, moved: Migration, over: Trend) -> list[object]:
    from dataclasses import replace

    found = profile(rich, pairs=[("lifecycle", "region")], language="zh")
    results = [found, found.crossed, found.mix("lifecycle"), found.mix("rfm_class")]
    results += [behaviour(rich, language="zh"), distribution(rich, "aum", language="zh")]
    return [*results, replace(moved, language="zh"), replace(over, language="zh")]


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def test_without_a_chinese_font_no_letter_is_a_box(
    in_chinese: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_lettering, "CHINESE_FONTS", ())
    for result in in_chinese:
        assert not any(map(_is_chinese, _drawn(result.plot())))  # type: ignore[attr-defined]


def test_with_a_chinese_font_titles_are_chinese(
    in_chinese: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Any installed font stands in: the pictures are not drawn, so that its letters do not matter.
    monkeypatch.setattr(_lettering, "CHINESE_FONTS", ("No such font", "DejaVu Sans"))
    assert _lettering.chinese_font() == "DejaVu Sans"
    for result in in_chinese:
        assert _is_chinese(result.plot().get_title("left"))  # type: ignore[attr-defined]


def test_a_real_chinese_font_draws_every_letter(in_chinese: list[object]) -> None:
    if _lettering.chinese_font() is None:
        pytest.skip("needs an installed font with Chinese letters, such as Noto Sans CJK SC")
    for result in in_chinese:
        assert any(map(_is_chinese, _drawn(result.plot())))  # a missing letter warns, an error here


def test_chinese_values_in_an_english_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lettering, "CHINESE_FONTS", ("DejaVu Sans",))
    with _lettering.lettering("en") as language:
        assert language == "en"
        assert mpl.rcParams["font.family"][-1] == "DejaVu Sans"
    assert mpl.rcParams["font.family"] == mpl.rcParamsDefault["font.family"]
