"""Pictures of checks and of campaigns at once show what the results hold."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.checks import Check, Checks, check_experiment
from marketing_ds.evaluation.overlapping import InteractionMatrix, Interactions, UniversalEffect
from marketing_ds.mart import UniversalControl


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def broken() -> Checks:
    rng, n = np.random.default_rng(1), 3_000
    data = pd.DataFrame(
        {
            "arm": rng.choice(["control", "mail"], n),
            "region": rng.choice(["north", "south"], n),
            "age": rng.normal(45, 12, n),
        }
    )
    lost = data[(data["region"] == "north") | (data["arm"] == "control") | (data.index % 3 > 0)]
    return check_experiment(lost, by=["region"], before=["age"])


def ends(name: str, value: float, reach: float) -> dict[str, float]:
    return {name: value, f"{name}_ci_lower": value - reach, f"{name}_ci_upper": value + reach}


def labels(axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def test_all_checks_are_lines_with_a_mark(broken) -> None:
    nan = float("nan")
    more = (
        *broken,
        Check("delivery", False, False, nan, "", pd.DataFrame()),
        Check("costs", None, True, nan, "", pd.DataFrame()),
    )
    axes = Checks(more).plot()
    assert axes.get_title(loc="left") == "2 failed: no verdict"
    assert labels(axes) == [check.name for check in more[::-1]]
    assert len(axes.collections) == 5
    sound = Checks(tuple(check for check in broken if check.passed)).plot()
    assert sound.get_title(loc="left") == "Nothing forbids a verdict"


def test_groups_lie_apart_by_as_much_as_they_miss_the_design(broken) -> None:
    check = broken["sample ratio by region"]
    axes = check.plot()
    assert labels(axes) == ["north", "south"]
    frame = check.to_frame().set_index(["group", "arm"])
    row = frame.loc[("south", "mail")]
    apart = 100 * (row["customers"] / row["expected"] - 1)
    drawn = np.concatenate([c.get_offsets() for c in axes.collections if len(c.get_offsets()) == 2])
    assert np.isclose(drawn[:, 0], apart).any()
    assert axes.get_title(loc="left") == "Sample ratio by region: does not hold"


def test_distances_and_sizes_are_drawn(broken) -> None:
    axes = broken["pre-period difference"].plot()
    assert labels(axes) == ["age, mail"]
    sizes = broken["sample ratio"].plot()
    found = broken["sample ratio"].to_frame()
    assert [bar.get_width() for bar in sizes.patches] == found["customers"].tolist()


def test_a_check_without_arms_has_no_picture() -> None:
    check = Check("complete", True, True, float("nan"), "fine", pd.DataFrame([{"done": 1.0}]))
    with pytest.raises(InvalidInput, match="no picture of the check 'complete'"):
        check.plot()


@pytest.fixture
def pair() -> Interactions:
    row = {"metric": "K1.converted", "first_arm": "mail", "second_arm": "call"}
    row |= {**ends("effect_first", 0.1, 0.02), **ends("effect_second", 0, 0.02)}
    row |= {**ends("effect_both", 0.05, 0.02), **ends("interaction", -0.05, 0.03)}
    row |= {"p_value": 0.001, "p_adjusted": 0.001}
    return Interactions("K1", "K2", 4_000, 0.05, Checks(()), pd.DataFrame([row]))


def test_a_pair_shows_alone_together_and_beyond_the_sum(pair) -> None:
    axes = pair.plot()
    assert labels(axes) == ["mail (first alone)", "call (second alone)", "both", "beyond the sum"]
    assert axes.get_title(loc="left") == "K1 and K2"
    failed = Checks((Check("sample ratio", False, True, 0.0, "off", pd.DataFrame()),))
    assert replace(pair, checks=failed).plot().get_title(loc="left") == "No verdict: K1 and K2"
    with pytest.raises(InvalidInput, match="metric must be one of"):
        pair.plot(metric="K2.converted")


def test_a_matrix_is_a_map_with_dots_where_it_is_sure(pair) -> None:
    rows = pair.to_frame().assign(first="K1", second="K2", n_smallest=1_000, blocked=False)
    axes = InteractionMatrix(("K1", "K2", "K3"), pd.DataFrame(), 0.05, rows).plot()
    grid = axes.images[0].get_array()
    assert grid[1, 0] == pytest.approx(-0.05 / (0.06 / 3.92))
    assert np.isfinite(grid.filled(np.nan)).sum() == 1
    assert len(axes.collections) == 1
    unsure = InteractionMatrix(
        ("K1", "K2"), pd.DataFrame(), 0.05, rows.assign(p_adjusted=0.4)
    ).plot()
    assert not unsure.collections


def test_all_together_stand_beside_the_sum_or_by_themselves() -> None:
    claims = {"metric": "purchases_cny", **ends("total", 20.0, 5.0), **ends("claimed", 40.0, 5.0)}
    row = {"metric": "purchases_cny", **ends("rel_effect", 0.03, 0.01)}
    endless = {"metric": "cost_cny", **ends("rel_effect", np.nan, np.inf)}
    result = UniversalEffect(
        dt.date(2026, 1, 1),
        dt.date(2026, 3, 31),
        UniversalControl(0.05, "2026", dt.date(2026, 1, 1), 500),
        0.05,
        Checks(()),
        pd.DataFrame([claims]),
        pd.DataFrame([row, endless]),
    )
    axes = result.plot()
    assert [bar.get_width() for bar in axes.patches] == [40.0, 20.0]
    alone = replace(result, claims=pd.DataFrame()).plot()
    assert labels(alone) == ["purchases_cny"]
    assert alone.collections[1].get_offsets()[0][0] == pytest.approx(3.0)
