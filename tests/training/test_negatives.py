"""Negatives drawn by lot: weighted rates stay those of everybody."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from marketing_ds.training import training_set

CUTOFFS = ["2026-04-30", "2026-05-10"]


def _drawn(mart, **options):
    return training_set(
        mart, "bought fund", CUTOFFS, horizon=10, tags=["age"], max_auc=1, **options
    )


def test_the_ratio_is_kept_and_weights_make_up_for_it(engine_mart):
    full, few = _drawn(engine_mart), _drawn(engine_mart, negatives=2)
    counts = pd.crosstab(few.X["as_of"], few.y)
    assert counts[0].tolist() == [6, 4]
    assert counts[1].tolist() == [3, 2]
    want, have = full.to_frame(), few.to_frame()
    assert have["customers"].tolist() == want["customers"].tolist()
    assert have["positive_share"].tolist() == pytest.approx(want["positive_share"].tolist())
    assert few.weight[few.y == 1].eq(1).all()
    assert have["left_out_not_opened"].tolist() == want["left_out_not_opened"].tolist()


def test_both_engines_draw_the_same(tiny_mart_dir, spark_session, tmp_path):
    from marketing_ds.mart import open_mart

    sets = []
    for engine in ("duckdb", "spark"):
        with open_mart(tiny_mart_dir, engine=engine, workspace=tmp_path / engine) as mart:
            sets.append(_drawn(mart, negatives=1.0, random_state=4))
    pd.testing.assert_frame_equal(sets[0].X, sets[1].X)
    pd.testing.assert_series_equal(sets[0].weight, sets[1].weight)


def test_another_number_draws_others_and_the_same_the_same(tiny_mart):
    one, again = _drawn(tiny_mart, negatives=1), _drawn(tiny_mart, negatives=1)
    pd.testing.assert_frame_equal(one.X, again.X)
    others = [tuple(_drawn(tiny_mart, negatives=1, random_state=n).groups) for n in range(1, 4)]
    assert len({tuple(one.groups), *others}) > 1


def test_more_than_there_are_keeps_all(tiny_mart):
    pd.testing.assert_frame_equal(_drawn(tiny_mart, negatives=100).X, _drawn(tiny_mart).X)


def test_a_cutoff_without_positives_keeps_one_negative_that_stands_for_all(tiny_mart):
    made = training_set(
        tiny_mart, "bought fund", ["2026-05-10", "2026-05-20"], horizon=9, tags=["age"],
        max_auc=1, negatives=1,
    )  # fmt: skip
    last = (made.X["as_of"] == "2026-05-20").to_numpy()
    assert last.sum() == 1
    assert np.asarray(made.weight)[last].tolist() == [11.0]
