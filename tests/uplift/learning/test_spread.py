import numpy as np
import pytest

from marketing_ds.uplift.learning.spread import committee_spread
from marketing_ds.uplift.terms import ForeignTerm


class Column:
    """Predicts the first column plus one of its own."""

    def __init__(self, at):
        self.at = at

    def predict(self, X):
        return X[:, 0] + (X[:, self.at] if self.at else 0)


def committee(own, n=40_000, folds=4):
    """Members whose noises are columns that nobody else sees; without noise if not `own`."""
    X = np.random.default_rng(0).normal(size=(n, folds + 1)).astype(np.float32)
    where = (np.arange(n) % folds).astype(np.int8)
    models = [Column(fold + 1 if own else 0) for fold in range(folds)]
    members = [((ForeignTerm(1.0, model),), 0.5 * fold) for fold, model in enumerate(models)]
    oof = np.empty(n)
    for fold, model in enumerate(models):
        oof[where == fold] = model.predict(X[where == fold]) + 0.5 * fold
    return members, X, where, oof


def test_noise_that_members_do_not_share_cancels():
    members, X, folds, oof = committee(own=True)
    mean = np.mean([terms[0].predict(X) for terms, _ in members], axis=0)
    one = members[0][0][0].predict(X)
    found = committee_spread(members, X, folds, oof)
    assert found == pytest.approx(mean.var() / one.var(), rel=0.03)
    assert found == pytest.approx(5 / 8, rel=0.03)


def test_members_that_agree_are_their_mean():
    assert committee_spread(*committee(own=False)) == pytest.approx(1, abs=0.02)


def test_predictions_that_do_not_vary_have_nothing_to_cancel():
    members, X, folds, _ = committee(own=False, n=100)
    assert committee_spread(members, X, folds, np.full(100, 0.3)) == 1


def test_one_member_is_its_own_mean():
    members, X, folds, oof = committee(own=True, n=100)
    assert committee_spread(members[:1], X, np.zeros_like(folds), oof) == 1
