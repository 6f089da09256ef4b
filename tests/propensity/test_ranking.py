"""Standard errors of the ranking measures against independent definitions over all pairs."""

import numpy as np
import pytest

from marketing_ds.propensity import evaluate_probabilities
from marketing_ds.propensity._bootstrap import cells_by_score, draw_sums
from marketing_ds.propensity._ranking import Ranking
from marketing_ds.propensity._sample import Sample


def wins(y, p):
    """Every positive against every negative: 1 if above, a half if tied."""
    one, zero = p[y == 1], p[y == 0]
    return (one[:, None] > zero) + 0.5 * (one[:, None] == zero)


def delong_error(y, p):
    """DeLong's standard error straight from the definition."""
    table = wins(y, p)
    parts = table.mean(axis=1).var(ddof=1) / len(table), table.mean(axis=0).var(ddof=1)
    return np.sqrt(parts[0] + parts[1] / table.shape[1])


def obuchowski_error(y, p, cluster):
    """Obuchowski (1997), equations 5 and 6, by loops over clusters."""
    table = wins(y, p)
    auc, m, n = table.mean(), *table.shape
    of_positives, of_negatives = cluster[y == 1], cluster[y == 0]
    names = np.unique(cluster)
    a, b = np.zeros(len(names)), np.zeros(len(names))
    for i, name in enumerate(names):
        a[i] = (table.mean(axis=1) - auc)[of_positives == name].sum()
        b[i] = (table.mean(axis=0) - auc)[of_negatives == name].sum()
    k, i10, i01 = len(names), len(set(of_positives)), len(set(of_negatives))
    s10 = i10 / ((i10 - 1) * m) * (a @ a)
    s01 = i01 / ((i01 - 1) * n) * (b @ b)
    s11 = k / (k - 1) * (a @ b)
    return np.sqrt(s10 / m + s01 / n + 2 * s11 / (m * n))


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    cluster = rng.integers(0, 90, 400)
    own = rng.normal(0, 0.1, 90)[cluster]
    y = (rng.random(400) < np.clip(0.3 + own, 0, 1)).astype(int)
    p = np.clip(0.3 + 0.15 * y + own + rng.normal(0, 0.2, 400), 0, 1)
    return y, np.round(p, 2), cluster


def test_the_error_of_the_auc_is_delongs(rows):
    y, p, _ = rows
    assert evaluate_probabilities(y, p).auc.se == pytest.approx(delong_error(y, p), abs=1e-12)


def test_with_customers_it_is_obuchowskis(rows):
    found = evaluate_probabilities(rows[0], rows[1], groups=rows[2]).auc
    assert found.se == pytest.approx(obuchowski_error(*rows), abs=1e-12)


def test_the_interval_of_the_auc_is_symmetric_in_log_odds(rows):
    auc = evaluate_probabilities(rows[0], rows[1]).auc
    odds = [np.log(v / (1 - v)) for v in (auc.ci_lower, auc.value, auc.ci_upper)]
    half = 1.959964 * auc.se / (auc.value * (1 - auc.value))
    assert np.diff(odds).tolist() == pytest.approx([half, half], rel=1e-6)


@pytest.mark.parametrize(
    "measure",
    [
        Ranking.auc,
        lambda ranking: ranking.average_precision(leverage=False),
        lambda ranking: ranking.captured(0.3),
    ],
    ids=["auc", "average_precision", "captured"],
)
def test_influences_are_what_a_little_more_weight_does(rows, measure):
    y, p, _ = rows
    # Two scores: the rate near the cut is then that of the group at the cut, with no smoothing.
    p = np.where(p > 0.3, 0.6, 0.2)

    def value(w):
        ordered, order = Sample.of(y, p, w).best_first()
        found, influence = measure(Ranking.of(ordered))
        back = np.empty(len(y))
        back[order] = influence
        return found, back

    found, influence = value(np.ones(len(y)))
    assert abs(influence.sum()) < 1e-9
    for row in range(0, len(y), 23):
        more = np.ones(len(y))
        more[row] += 1e-5
        moved = (value(more)[0] - found) / 1e-5 * len(y)
        assert influence[row] == pytest.approx(moved, abs=1e-3)


def test_rows_at_the_top_weigh_more_in_the_error_of_the_average_precision():
    ordered, _ = Sample.of([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], [1, 5, 1, 5]).best_first()
    ranking = Ranking.of(ordered)
    (value, with_), (_, without) = (
        ranking.average_precision(leverage=leverage) for leverage in (True, False)
    )
    assert value == pytest.approx((1 + 2 / 7) / 2)
    # Of a weight of 12 half the positives, one, stands at a row that 7 of the weight reach: the
    # first negative (5) moves its precision 2/7 by 5 / 7 / 2 more, in proportion.
    more = (with_ - without)[1] / (-5 * 2 / 7 * (1 / 2) / (7 / 12))
    assert more == pytest.approx(5 / 7 / 2)
    assert (with_ - without)[3] == 0  # no positive stands below it


@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_what_chance_adds_to_the_average_precision(weight):
    # Negatives of weight w, one of w kept: the mean over draws less that of a large one.
    rng = np.random.default_rng(0)

    def draw(n):
        z = rng.normal(-2, 1, n)
        y = rng.random(n) < 1 / (1 + np.exp(-z))
        keep = y | (rng.random(n) < 1 / weight)
        w = np.where(y, 1.0, weight)[keep]
        return Ranking.of(Sample.of(y[keep], 1 / (1 + np.exp(-z[keep])), w).best_first()[0])

    truth, _ = draw(400_000).average_precision()
    draws = [draw(500) for _ in range(400)]
    values = np.array([ranking.average_precision()[0] for ranking in draws])
    told = np.mean([ranking.average_precision_bias() for ranking in draws])
    found, error = values.mean() - truth, values.std() / 20
    assert found > 4 * error  # there is something to be told
    # To first order: at the top of sampled negatives chance is no small change.
    assert found / 2 < told < found + 2 * error


def test_cells_keep_ties_together_and_count_everyone():
    rng = np.random.default_rng(0)
    ordered, _ = Sample.of(rng.integers(0, 2, 3000), np.round(rng.random(3000), 2)).best_first()
    cell = cells_by_score(ordered, 20)
    assert cell.tolist() == sorted(cell)
    assert int(cell.max()) + 1 <= 20
    of_score = {score: set(cell[ordered.p == score]) for score in np.unique(ordered.p)}
    assert all(len(cells) == 1 for cells in of_score.values())


@pytest.mark.parametrize("clustered", [False, True])
def test_lots_of_customers_spread_sums_as_customers_do(clustered):
    # 6,000 customers are drawn as 1,000 lots; the spread of a sum is still the customers'.
    rng = np.random.default_rng(0)
    customer = np.repeat(np.arange(6000), 2 if clustered else 1)
    value = rng.exponential(size=6000)[customer]
    sample = Sample.of(
        rng.integers(0, 2, len(value)), value / 100, groups=customer if clustered else None
    )
    (drawn,) = draw_sums(sample, np.zeros(len(value), dtype=int), [value], replicates=4000)
    of_customer = np.bincount(customer, value)
    assert drawn.mean() == pytest.approx(value.sum(), rel=0.002)
    assert drawn.std() == pytest.approx(of_customer.std() * np.sqrt(6000), rel=0.06)
