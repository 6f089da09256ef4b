"""Published sensitivity values, and laws between them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_ds.evaluation.observed import analyze_observational
from marketing_ds.evaluation.observed.pairs import (
    bound,
    disjoint_pairs,
    rosenbaum_gamma,
    signed_ranks,
)
from marketing_ds.evaluation.observed.sensitivity import (
    e_value,
    limit_near_zero,
    robustness_value,
    times_as_strong,
)

from .conftest import COVARIATES, Chosen

# Lead in children's blood, 33 pairs: Rosenbaum (2002), Observational Studies, section 3.2.4.
EXPOSED = (38, 23, 41, 18, 37, 36, 23, 62, 31, 34, 24, 14, 21, 17, 16, 20, 15, 10, 45, 39, 22, 35,
           49, 48, 44, 35, 43, 39, 34, 13, 73, 25, 27)  # fmt: skip
OTHERS = (16, 18, 18, 24, 19, 11, 10, 15, 16, 18, 18, 13, 19, 10, 16, 16, 24, 13, 9, 14, 21, 19, 7,
          18, 19, 12, 11, 22, 25, 16, 13, 11, 13)  # fmt: skip


def test_rosenbaums_bounds_are_those_of_his_table() -> None:
    apart = np.array(EXPOSED, dtype=float) - np.array(OTHERS)
    ranks = signed_ranks(apart)
    seen = ranks[apart[apart != 0] > 0].sum()
    assert seen == 527
    published = {2.0: 0.0018, 3.0: 0.0136, 4.0: 0.0388, 4.25: 0.0468, 5.0: 0.0740}
    assert {g: round(bound(seen, ranks, g), 4) for g in published} == published


def test_e_values_are_those_published() -> None:
    # VanderWeele and Ding (2017): 3.9 (1.8 to 8.7) has 7.26 and 3.0
    assert round(e_value(3.9), 2) == 7.26
    assert round(e_value(1.8), 1) == 3.0
    assert e_value(0.5) == e_value(2.0)
    assert e_value(1 + limit_near_zero(-0.1, 0.4)) == 1
    assert math.isinf(e_value(0.0))
    assert math.isinf(e_value(math.inf))
    assert math.isnan(e_value(math.nan))


def test_the_robustness_value_is_that_of_cinelli_and_hazlett() -> None:
    # Darfur: t = 4.18 with 783 degrees of freedom, robustness value 13.9 %
    assert round(robustness_value(4.18 / math.sqrt(783), 1.0), 3) == 0.139
    assert robustness_value(0.0, 1.0) == robustness_value(0.0, 0.0) == 0
    assert robustness_value(1.0, 0.0) == 1


@given(effect=st.floats(0.01, 5), outcome=st.floats(0.001, 0.5), arm=st.floats(0.001, 0.5))
def test_a_factor_so_many_times_as_strong_just_explains_the_effect(
    effect: float, outcome: float, arm: float
) -> None:
    k = times_as_strong(effect, 2.0, outcome, arm)
    assert k * arm < 1
    assert 2.0 * math.sqrt(k * outcome * k * arm / (1 - k * arm)) == pytest.approx(effect)


def test_what_adds_nothing_is_never_strong_enough() -> None:
    assert math.isinf(times_as_strong(1.0, 2.0, 0.0, 0.1))
    assert math.isinf(times_as_strong(1.0, 0.0, 0.1, 0.1))
    assert times_as_strong(0.0, 2.0, 0.1, 0.1) == 0


def test_pairs_are_disjoint_near_and_of_both_sides() -> None:
    rng = np.random.default_rng(0)
    chance = rng.uniform(0.1, 0.9, 300)
    treated = (rng.random(300) < 0.3).astype(float)
    pairs = disjoint_pairs(treated, chance)
    assert len(np.unique(pairs)) == pairs.size
    assert (treated[pairs[:, 0]] == 1).all()
    assert (treated[pairs[:, 1]] == 0).all()
    line = np.log(chance / (1 - chance))
    assert np.abs(line[pairs[:, 0]] - line[pairs[:, 1]]).max() <= 0.2 * line.std()


def test_gamma_grows_with_the_effect_and_is_1_without() -> None:
    rng = np.random.default_rng(0)
    chance = rng.uniform(0.3, 0.7, 600)
    treated = (rng.random(600) < 0.5).astype(float)
    noise = rng.normal(size=600)
    found = [rosenbaum_gamma(treated, noise + size * treated, chance, 0.05) for size in (0, 0.5, 1)]
    assert found[0] == 1 < found[1] < found[2]
    assert rosenbaum_gamma(treated, np.zeros(600), chance, 0.05) == 1
    # McNemar's by hand: 0/1 outcomes of all pairs differ, in one direction only
    sure = rosenbaum_gamma(treated, treated, chance, 0.05)
    n = len(disjoint_pairs(treated, chance))
    assert (sure / (1 + sure)) ** n == pytest.approx(0.025, rel=1e-3)


def test_doubts_are_told_beside_what_is_known(chosen: Chosen) -> None:
    result = analyze_observational(
        chosen.frame, ["amount", "bought"], covariates=COVARIATES, method="matching",
        learners=["linear"],
    )  # fmt: skip
    frame, marks = result.sensitivity.to_frame(), result.sensitivity.benchmarks
    assert (frame["e_value"] > frame["e_value_limit"]).all()
    assert (frame["robustness_value"] > frame["robustness_value_limit"]).all()
    assert (frame["rosenbaum_gamma"] > 1).any()
    amount = marks[marks["metric"] == "amount"].set_index("covariate")
    # hiding wealth would have cost everything: no hidden factor as strong need be feared less
    assert amount["times"].idxmin() == "wealth"
    assert amount.loc["wealth", "times"] < 1 < amount["times"].drop("wealth").min()
    assert (marks["times_limit"] <= marks["times"]).all()
    asked = analyze_observational(
        chosen.frame, ["amount"], covariates=COVARIATES, learners=["linear"], benchmarks=["city"]
    )
    assert asked.sensitivity.benchmarks["covariate"].tolist() == ["city"]


def test_a_single_covariate_is_its_own_yardstick_of_nothing(chosen: Chosen) -> None:
    result = analyze_observational(
        chosen.frame, ["amount"], covariates=["wealth"], learners=["linear"]
    )
    assert result.sensitivity.benchmarks.empty
