"""Settings of inference refuse what makes no sense, before any work."""

from __future__ import annotations

import math

import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.inference import Inference, NormalPrior, Sequential


def test_sequential_may_be_switched_on_and_off() -> None:
    assert Inference(sequential=True).looks == Sequential()
    assert Inference(sequential=False) == Inference()
    assert Inference(sequential=Sequential(500)).looks == Sequential(planned=500)
    assert Inference().looks is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Inference(alpha=1), "alpha must be between 0 and 1"),
        (lambda: Inference(alternative="larger"), "alternative must be one of 'two-sided'"),
        (lambda: Inference(relative="delt"), "did you mean 'delta'"),
        (lambda: Inference(correction="bonferroni"), "correction must be one of 'holm', 'bh'"),
        (lambda: Inference(sequential=1_000), r"sequential must be Sequential\(planned"),
        (lambda: Inference(prior=0.1), r"prior must be NormalPrior\(mean, sd\)"),
        (lambda: Sequential(planned=1), "planned must be at least 2"),
        (lambda: Sequential(start=2.5), "start must be a whole number"),
        (lambda: NormalPrior(math.nan), "mean of the prior must be"),
        (lambda: NormalPrior(0, -1), "sd of the prior must be at least 0"),
        (lambda: NormalPrior(0, 0), "sd of the prior must be greater than 0"),
    ],
)
def test_senseless_settings_are_refused(make, words) -> None:
    with pytest.raises(InvalidInput, match=words):
        make()
