"""The pictures draw."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from marketing_ds.plots import _lookalike, draw


@pytest.fixture(autouse=True)
def _agg():
    mpl.use("Agg")
    yield
    plt.close("all")


def test_the_evaluation_shows_its_auc(look):
    axes = draw(look.evaluate())
    assert "AUC" in axes.get_title()
    assert len(axes.get_legend().get_texts()) == 3


def test_the_separation_shows_its_largest_rows(look):
    _, ax = plt.subplots()
    assert _lookalike.draw_separation(look.explain(), ax, top=6) is ax
    assert len(ax.get_yticks()) == 6


def test_the_expansion_shows_its_size(look):
    assert "100 closest" in draw(look.expand(size=100)).get_title()
