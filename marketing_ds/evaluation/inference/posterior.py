"""The Bayesian view: what to believe of the effect after the experiment, given a prior."""

from __future__ import annotations

import math

from scipy.special import ndtr, ndtri

from .differences import Difference
from .settings import NormalPrior


def posterior(
    control: float, difference: Difference, prior: NormalPrior, better: str, alpha: float
) -> dict[str, float]:
    """Posterior of the effect under a normal prior and the normal likelihood of its estimate.

    Parameters
    ----------
    control : float
        Mean of control, by which a relative prior becomes one in units of the effect.
    difference : Difference
    prior : NormalPrior
    better : {"higher", "lower"}
    alpha : float
        1 − probability of the interval.

    Returns
    -------
    dict
        `posterior_effect` with its central interval, `p_better` (probability that the arm is
        better than control) and `expected_loss` (in units of the effect: how much is lost on
        average by choosing the arm, counting 0 where it is better).

    Notes
    -----
    Not moved by how often one looks; it rests on the prior instead. Of a metric without variance
    the effect is known.
    """
    unit = abs(control) if prior.relative else 1.0
    mean, sd = _update(prior.mean * unit, prior.sd * unit, difference.effect, difference.error)
    reach = float(-ndtri(alpha / 2)) * sd
    gain = mean if better == "higher" else -mean
    z = gain / sd if sd else math.copysign(math.inf, gain) if gain else 0.0
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return {
        "posterior_effect": mean,
        "posterior_effect_ci_lower": mean - reach,
        "posterior_effect_ci_upper": mean + reach,
        "p_better": float(ndtr(z)),
        "expected_loss": sd * density - gain * float(ndtr(-z)) if sd else max(-gain, 0.0),
    }


def _update(mean: float, sd: float, effect: float, error: float) -> tuple[float, float]:
    """Mean and standard deviation after an estimate with this error."""
    if error == 0 or math.isinf(sd):
        return effect, error
    if sd == 0:  # a relative prior where control's mean is 0 says: no effect
        return mean, 0.0
    weight = error**2 / (sd**2 + error**2)
    return weight * mean + (1 - weight) * effect, sd * math.sqrt(weight)
