"""Synthetic controls: exact mixtures are found, placebos tell how sure one may be."""

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.observed import synthetic_control
from marketing_ds.schema import EFFECTS

from .conftest import long_panel


def _values(seed: int = 0, units: int = 24, periods: int = 24) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (
        rng.normal(100, 10, (units, 1))
        + rng.normal(0, 5, (1, periods))
        + rng.normal(0, 1, (units, periods))
    )


def test_a_unit_that_is_a_mixture_of_two_others_is_found_to_be_so() -> None:
    values = _values()
    values[0] = 0.3 * values[4] + 0.7 * values[9]
    values[0, 16:] += 5
    result = synthetic_control(long_panel(values), treated=0, start=16, method="classic")
    weights = result.weights.set_index("unit")["weight"]
    assert weights[[9, 4]].tolist() == pytest.approx([0.7, 0.3], abs=1e-6)
    assert result.pre_rmse == pytest.approx(0, abs=1e-6)
    assert result.to_frame()["effect"].iloc[0] == pytest.approx(5, abs=1e-6)
    gaps = result.gaps
    assert gaps.loc[gaps["after"], "gap"].tolist() == pytest.approx([5.0] * 8, abs=1e-6)


@pytest.mark.parametrize("method", ["did", "classic"])
def test_the_interval_covers_what_was_planted_and_placebos_show_nothing(method: str) -> None:
    values = _values(3)
    values[0, 16:] += 4
    result = synthetic_control(long_panel(values), treated=0, start=16, method=method)
    row = result.to_frame().iloc[0]
    assert 0 < row["effect_ci_lower"] < 4 < row["effect_ci_upper"]
    assert result.p_placebo == pytest.approx(1 / 24)
    assert len(result.placebos) == len(result.weights) == 23
    assert result.weights["weight"].sum() == pytest.approx(1)
    assert row["effect"] == pytest.approx(row["mean_arm"] - row["mean_control"])
    assert row["rel_effect"] == pytest.approx(row["effect"] / row["mean_control"])


def test_parallel_mixtures_bridge_a_level_that_none_has() -> None:
    values = _values(5)
    values[0] += 80
    values[0, 16:] += 4
    did, classic = (
        synthetic_control(long_panel(values), treated=0, start=16, method=method)
        for method in ("did", "classic")
    )
    row = did.to_frame().iloc[0]
    assert row["effect_ci_lower"] < 4 < row["effect_ci_upper"]
    assert classic.to_frame()["effect"].iloc[0] > 40
    assert classic.poor_fit_share == 1
    assert "Caution: before the start 100 % of those units are fitted better" in classic.verdict
    assert "拟合得更好" in classic.verdict_in("zh")


def test_several_treated_units_are_averaged_by_size_and_tested_by_sets() -> None:
    values = _values(1)
    values[0, 16:] += 2
    values[1, 16:] += 6
    panel = long_panel(values, customers=[300.0, 100.0] + [50.0] * 22).astype({"customers": float})
    result = synthetic_control(
        panel, treated=[0, 1], start=16, size="customers", placebos=40, seed=1
    )
    row = result.to_frame().iloc[0]
    assert row["effect_ci_lower"] < 3 < row["effect_ci_upper"]
    assert (row["n_arm"], row["n_control"]) == (400, 22 * 50)
    assert len(result.placebos) == 40
    assert all("," in name for name in result.placebos["unit"])
    again = synthetic_control(
        panel, treated=[1, 0], start=16, size="customers", placebos=40, seed=1
    )
    pd.testing.assert_frame_equal(result.to_frame(), again.to_frame())


def test_the_answer_is_weaker_evidence_and_ready_for_the_mart() -> None:
    values = _values(3)
    values[0, 16:] += 4
    result = synthetic_control(long_panel(values), treated=0, start=16, arm="renovation")
    assert result.evidence == "weaker"
    assert result.verdict.startswith("Not randomised: weaker evidence. value: renovation raised it")
    assert result.verdict_in("zh").startswith("非随机分组，证据较弱。")
    table = result.effects_table("K9")
    assert list(table.columns) == list(EFFECTS.column_names)
    assert table["method"].tolist() == ["synthetic_control"]
    assert "weaker evidence" in result._repr_html_()


def test_nothing_that_varies_has_no_p_value() -> None:
    result = synthetic_control(long_panel(np.ones((8, 8))), treated=0, start=5)
    assert np.isnan(result.to_frame()["p_value"].iloc[0])
    assert "cannot be judged" in result.verdict


PANEL = long_panel(_values(0, 8, 8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"treated": 99}, "treated must be units of the panel"),
        ({"treated": []}, "at least one unit"),
        ({"start": 2}, "at least 3 periods before"),
        ({"start": 8}, "start must lie within the panel"),
        ({"treated": [0, 1, 2, 3]}, "untreated units must be left"),
        ({"method": "magic"}, "method must be one of"),
        ({"placebos": 5}, "placebos must be"),
        ({"alpha": 0}, "alpha must be"),
        ({"seed": 0.5}, "seed must be"),
    ],
)
def test_bad_input_is_refused_with_the_way_out(options: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        synthetic_control(PANEL, **({"treated": 0, "start": 5} | options))
