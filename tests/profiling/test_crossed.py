"""Crossed pairs: counts and TGI by hand, the interaction, its interval, and which pairs are picked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from marketing_ds.audiences import audience
from marketing_ds.profiling import profile, tgi_interval
from marketing_ds.profiling._interaction import interaction_interval

from .people import people

FRAME = people()


def test_counts_tgi_and_interaction_by_hand() -> None:
    prof = profile(audience(FRAME, "aum >= 20000"), pairs=[("lifecycle", "region")])
    assert prof.crossed is not None
    assert prof.crossed.pairs == (("lifecycle", "region"),)
    inside = FRAME["aum"] >= 20_000
    alone = prof.to_frame().set_index(["tag", "value"])["tgi"]
    frame = prof.crossed.to_frame()
    assert len(frame) == 12  # three stages by three regions and the unknown
    for row in frame.itertuples():
        region = (
            FRAME["region"].isna() if row.value_b == "(missing)" else FRAME["region"] == row.value_b
        )
        holds = (FRAME["lifecycle"] == row.value_a) & region
        x, both = int((holds & inside).sum()), int(holds.sum())
        assert (row.n_audience, row.n_base) == (x, both)
        expected = tgi_interval([x], int(inside.sum()), [both], len(FRAME))
        found = [row.tgi, row.tgi_ci_lower, row.tgi_ci_upper, row.p_value]
        np.testing.assert_allclose(found, [float(part[0]) for part in expected])
        product = alone["lifecycle", row.value_a] * alone["region", row.value_b] / 100
        assert row.expected_tgi == pytest.approx(product)
        assert row.interaction == pytest.approx(100 * row.tgi / product)
        assert row.interaction_ci_lower < row.interaction < row.interaction_ci_upper


def _planted() -> pd.DataFrame:
    """Young people in the north are meant, and nobody else stands out."""
    rng = np.random.default_rng(9)
    n = 4000
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "young": rng.random(n) < 0.5,
            "region": rng.choice(["north", "south"], n),
            "colour": rng.choice(["red", "blue"], n),
        }
    )
    frame["twin"] = np.where(frame["young"], "y", "o")
    drawn = np.where(frame["young"] & (frame["region"] == "north"), 0.6, 0.1)
    return frame.assign(chosen=rng.random(n) < drawn)


def test_a_planted_interaction_leads() -> None:
    frame = _planted()
    ids = frame.loc[frame["chosen"], "customer_id"].tolist()
    tags = ["young", "region", "colour"]
    prof = profile(
        audience(frame, ids), tags=tags, pairs=[("young", "region"), ("region", "colour")]
    )
    assert prof.crossed is not None
    rows = prof.crossed.to_frame()
    assert set(rows.loc[:3, "tag_a"]) == {"young"}
    assert (rows.loc[:3, "p_interaction_adjusted"] < 0.001).all()
    assert (rows.loc[rows["tag_b"] == "colour", "p_interaction_adjusted"] > 0.01).all()
    both = rows[(rows["value_a"] == "yes") & (rows["value_b"] == "north")]
    assert both["interaction"].item() > 105


def test_auto_picks_the_telling_pair_and_no_twins() -> None:
    frame = _planted()
    ids = frame.loc[frame["chosen"], "customer_id"].tolist()
    tags = ["young", "region", "colour", "twin"]
    prof = profile(audience(frame, ids), tags=tags, pairs="auto")
    assert prof.crossed is not None
    assert {frozenset(pair) for pair in prof.crossed.pairs[:2]} == {
        frozenset(("young", "region")),
        frozenset(("twin", "region")),
    }
    assert frozenset(("young", "twin")) not in {frozenset(pair) for pair in prof.crossed.pairs}
    again = profile(audience(frame, "young"), tags=tags, pairs="auto").crossed
    assert again is not None
    assert all("young" not in pair for pair in again.pairs)  # it chose the audience


def test_auto_with_one_tag_crosses_nothing() -> None:
    prof = profile(audience(FRAME, "aum >= 20000"), tags=["region"], pairs="auto")
    assert prof.crossed is not None
    assert prof.crossed.pairs == ()
    assert prof.crossed.to_frame().empty


def test_small_crossed_cells_are_hidden_with_others() -> None:
    aud = audience(FRAME, FRAME["customer_id"][:150].tolist())
    everything = profile(aud, pairs=[("lifecycle", "region")], min_count=1).crossed
    some = profile(aud, pairs=[("lifecycle", "region")]).crossed
    assert everything is not None
    assert some is not None
    assert (some.rows["n_audience"] >= 10).all()
    small = int((everything.rows["n_audience"] < 10).sum())
    assert small > 0
    assert len(everything.rows) - len(some.rows) > small


def test_rare_values_are_pooled_and_not_shown() -> None:
    frame = FRAME.assign(city=[f"city {i % 40:02d}" for i in range(len(FRAME))])
    prof = profile(audience(frame, "aum >= 0"), tags=["city", "region"], pairs=[("city", "region")])
    assert prof.crossed is not None
    assert prof.crossed.rows["value_a_en"].nunique() == 20


@pytest.mark.parametrize("overlapping", [False, True])
def test_the_interval_of_the_interaction_covers_the_truth(overlapping: bool) -> None:
    rng = np.random.default_rng(4)
    p = [np.array([[0.3, 0.1], [0.2, 0.4]]), np.array([[0.2, 0.2], [0.3, 0.3]])]
    sizes = (300 if overlapping else 0, 600, 2000)
    shares = (p[1], p[0], p[1])

    def joint(counts: np.ndarray) -> np.ndarray:
        return counts * counts.sum() / np.outer(counts.sum(axis=1), counts.sum(axis=0))

    means = [n * q for n, q in zip(sizes, shares, strict=True)]
    truth = 100 * joint(means[0] + means[1]) / joint(means[1] + means[2])
    inside = []
    for _ in range(1500):
        a, c, b = (
            rng.multinomial(n, q.ravel()).reshape(2, 2) for n, q in zip(sizes, shares, strict=True)
        )
        _, lower, upper, _ = interaction_interval(a + c, c + b, c)
        inside.append((lower <= truth) & (truth <= upper))
    covered = np.mean(inside, axis=0)
    assert ((covered > 0.93) & (covered < 0.97)).all()


def test_empty_cells_have_no_interaction() -> None:
    audience_counts = np.array([[0, 20], [30, 40]])
    value, lower, upper, p = interaction_interval(
        audience_counts, audience_counts + 5, audience_counts
    )
    assert value[0, 0] == 0
    assert np.isnan(lower[0, 0])
    assert np.isfinite([value[1, 1], lower[1, 1], upper[1, 1], p[1, 1]]).all()


def test_titles_in_chinese() -> None:
    prof = profile(
        audience(FRAME, "aum >= 20000"), pairs=[("lifecycle", "salary_found")], language="zh"
    )
    assert prof.crossed is not None
    frame = prof.crossed.to_frame()
    assert set(frame["title_a"]) == {"生命周期阶段"}
    assert {"是", "否", "（缺失）"} == set(frame["value_b"])
    assert set(prof.crossed.to_frame("en")["title_a"]) == {"Lifecycle stage"}
