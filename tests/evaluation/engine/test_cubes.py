"""Third moments are numpy's, and asked for only where they can matter."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from marketing_ds.evaluation.engine import Estimate
from marketing_ds.evaluation.engine.analysis import analyze
from marketing_ds.evaluation.engine.populations import Request
from marketing_ds.evaluation.metrics import Mean, Metric, Ratio


@pytest.fixture(scope="module")
def uneven(trial) -> pd.DataFrame:
    """A sixth of the customers in control, and spend that few have."""
    rng = np.random.default_rng(2)
    arm = np.where(rng.random(len(trial)) < 0.17, "control", "mail")
    few = (rng.random(len(trial)) < 0.1) * rng.lognormal(2, 1, len(trial))
    return trial.assign(arm=arm, few=few, change=few - 2.0)


def estimates(data: pd.DataFrame, metrics: list[Metric], **options) -> dict:
    sides = options.pop("covariates", ())
    request = Request(
        "arm",
        "control",
        options.pop("probability", None),
        tuple(metrics),
        {m.label: sides for m in metrics},
        **options,
    )
    table = ibis.memtable(pa.Table.from_pandas(data, preserve_index=False))
    return analyze(table, request, (), None).estimates


def third(values: pd.Series | np.ndarray) -> float:
    x = np.asarray(values, dtype=float)
    return float(((x - x.mean()) ** 3).sum() / len(x) ** 3)


def test_of_means_and_of_segments(uneven) -> None:
    found = estimates(uneven, [Mean("few"), Mean("change")], segments=("tier",))
    for arm, data in uneven.groupby("arm"):
        assert found["all"]["few"][arm].third == pytest.approx(third(data["few"]), rel=1e-9)
        for tier, part in data.groupby("tier"):
            mine = found[f"tier={tier}"]["few"][arm]
            assert mine.third == pytest.approx(third(part["few"]), rel=1e-9)
        assert found["all"]["few"][arm].upward
        assert not found["all"]["change"][arm].upward


def test_of_what_covariates_leave_and_of_ratios(uneven) -> None:
    found = estimates(uneven, [Mean("spend")], covariates=("pre",))["all"]["spend"]
    away = uneven.assign(
        x=uneven["pre"] - uneven.groupby("arm")["pre"].transform("mean"),
        y=uneven["spend"] - uneven.groupby("arm")["spend"].transform("mean"),
    )
    slope = (away["x"] * away["y"]).sum() / (away["x"] ** 2).sum()
    for arm, data in away.groupby("arm"):
        assert found[arm].third == pytest.approx(third(data["y"] - slope * data["x"]), rel=1e-9)
    ratio = estimates(uneven, [Ratio("few", "visits")])["all"]["few / visits"]
    for arm, data in uneven.groupby("arm"):
        rest = data["few"] - data["few"].mean() / data["visits"].mean() * data["visits"]
        expected = third(rest / data["visits"].mean())
        assert ratio[arm].third == pytest.approx(expected, rel=1e-9)
        assert not ratio[arm].upward


def test_of_weighted_means(uneven) -> None:
    found = estimates(uneven, [Mean("few")], probability="chance")["all"]["few"]
    for arm, data in uneven.groupby("arm"):
        weight = 1 / data["chance"]
        mean = np.average(data["few"], weights=weight)
        expected = float((((data["few"] - mean) * weight / weight.sum()) ** 3).sum())
        assert found[arm].third == pytest.approx(expected, rel=1e-9)


def unknown(found: dict[str, Estimate]) -> bool:
    return all(np.isnan(each.third) for each in found.values())


def test_nobody_asks_where_they_cannot_matter(uneven) -> None:
    found = estimates(uneven, [Mean("bought"), Mean("few")])["all"]
    assert unknown(found["bought"])
    assert not unknown(found["few"])
    half = uneven.assign(arm=np.where(np.arange(len(uneven)) % 2 == 0, "mail", "control"))
    assert unknown(estimates(half, [Mean("few")])["all"]["few"])
    many = pd.concat([uneven] * 30, ignore_index=True).assign(few=1.0)
    many.loc[::3, "few"] = 2.0
    assert unknown(estimates(many, [Mean("few")])["all"]["few"])
