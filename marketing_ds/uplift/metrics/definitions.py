"""Other libraries' uplift metrics: whose they are, what they compute, and when they mislead."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

import pandas as pd

from marketing_ds._core.display import Result

from . import _causalml as causalml
from . import _econml as econml
from . import _sklift as sklift
from ._sample import Measured


@dataclass(frozen=True)
class Definition:
    """One library's definition of one metric.

    Attributes
    ----------
    name : str
        What `uplift_metric` calls it.
    library, function : str
        Whose it is, with the version that ours was checked against, and the function's name there.
    formula : str
        N₁, N₀ are the treated and the control among the k best customers, Y₁, Y₀ their outcomes'
        sums; ψ is a customer's doubly robust effect.
    unit, ties, chances, interval : str
        The value's unit; what becomes of equal scores, and of customers with unequal chances of
        treatment; and whether the library gives an interval.
    misleads : str
        When not to believe it.
    """

    name: str
    library: str
    function: str
    formula: str
    unit: str
    ties: str
    chances: str
    interval: str
    misleads: str
    _compute: Callable[..., Measured] = field(repr=False)

    @property
    def options(self) -> dict[str, Any]:
        """The options it takes, with their defaults; they mean what they mean in the library."""
        parameters = list(inspect.signature(self._compute).parameters.values())[1:]
        return {parameter.name: parameter.default for parameter in parameters}


@dataclass(frozen=True)
class MetricDefinitions(Result):
    """All named definitions; made by `metric_definitions`."""

    definitions: tuple[Definition, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a definition: what the library computes, when it misleads, and its options."""
        shown = [part.name for part in fields(Definition) if not part.name.startswith("_")]
        return pd.DataFrame(
            [
                {
                    **{column: getattr(definition, column) for column in shown},
                    "options": ", ".join(f"{k}={v!r}" for k, v in definition.options.items()),
                }
                for definition in self.definitions
            ]
        )

    def __repr__(self) -> str:
        width = max(len(definition.name) for definition in self.definitions)
        return "\n".join(
            f"{definition.name:<{width}}  {definition.formula} [{definition.unit}]"
            for definition in self.definitions
        )


def metric_definitions() -> MetricDefinitions:
    """The named definitions that `uplift_metric` takes: whose, formula, unit, ties, and when they mislead.

    Examples
    --------
    >>> frame = metric_definitions().to_frame()
    >>> frame.set_index("name").loc["sklift_qini", "function"]
    'sklift.metrics.qini_auc_score'
    """
    return MetricDefinitions(tuple(DEFINITIONS.values()))


_SKLIFT, _CAUSALML, _ECONML = "scikit-uplift 0.5.1", "CausalML 0.18.0", "EconML 0.17.0"
_TOGETHER = "together"
_LAST_FIRST = "last row first"
_SORTED = "as pandas sorts them: another processor, another value"
_TREATED = "counts the treated: a score that foretells who was treated earns it"
_MEANS = "compares plain means: right only if all had the same chances"
_WEIGHED = "weighs by given or estimated chances, held at 0.01 from below"
_NONE, _BOOTSTRAP = "none", "half-sample bootstrap there, none here"
_ERROR = "standard error, taking the cuts as fixed"

DEFINITIONS: Mapping[str, Definition] = MappingProxyType(
    {
        definition.name: definition
        for definition in (
            Definition(
                "sklift_qini",
                _SKLIFT,
                "sklift.metrics.qini_auc_score",
                "area of Y₁ − Y₀·N₁/N₀ above its straight line ÷ the same of the perfect order",
                "share of the perfect order's area",
                _TOGETHER,
                _TREATED,
                _NONE,
                "The perfect order knows each customer's outcome, and its area grows with the base rate: "
                "the same gain scores less where more respond anyway.",
                sklift.qini,
            ),
            Definition(
                "sklift_auuc",
                _SKLIFT,
                "sklift.metrics.uplift_auc_score",
                "area of k·(Y₁/N₁ − Y₀/N₀) above its straight line ÷ the same of the perfect order",
                "share of the perfect order's area",
                _TOGETHER,
                _MEANS,
                _NONE,
                "By its name an AUUC, it is our Qini over a perfect one: random order gives 0, and where "
                "effects are small a good model gets 1 or 2 %.",
                sklift.auuc,
            ),
            Definition(
                "sklift_uplift_at_k",
                _SKLIFT,
                "sklift.metrics.uplift_at_k",
                "Y₁/N₁ − Y₀/N₀ among the first k ('overall'), or the first k of each arm ('by_group')",
                "outcome per treated customer",
                _LAST_FIRST,
                _MEANS,
                _NONE,
                "Equal scores are cut by the order of the rows. 'by_group' cuts the arms at two scores. "
                "NaN if an arm is missing there.",
                sklift.uplift_at_k,
            ),
            Definition(
                "sklift_weighted_average_uplift",
                _SKLIFT,
                "sklift.metrics.weighted_average_uplift",
                "Y₁/N₁ − Y₀/N₀ in each of ten groups, averaged with weights N₁",
                "outcome per treated customer",
                _LAST_FIRST,
                _MEANS,
                _NONE,
                "It says next to nothing of the ranking: any score gets about the average effect. NaN if "
                "a group lacks an arm.",
                sklift.weighted_average_uplift,
            ),
            Definition(
                "causalml_qini",
                _CAUSALML,
                "causalml.metrics.qini_score",
                "mean over k of Y₁ − Y₀·N₁/N₀ above its straight line ÷ the size of its end",
                "share of the total effect; normalize=False: outcome of all treated",
                _SORTED,
                _TREATED,
                _BOOTSTRAP,
                "Divided by the estimated total effect: near 0 it is huge and its size is noise.",
                causalml.qini,
            ),
            Definition(
                "causalml_auuc",
                _CAUSALML,
                "causalml.metrics.auuc_score",
                "mean over k of k·(Y₁/N₁ − Y₀/N₀) ÷ the size of its end",
                "share of the total effect; normalize=False: outcome of all customers",
                _SORTED,
                _MEANS,
                _BOOTSTRAP,
                "Random order gives about 0.5, or −0.5 where the campaign harms. Divided by the estimated "
                "total effect, as causalml_qini.",
                causalml.auuc,
            ),
            Definition(
                "causalml_rate",
                _CAUSALML,
                "causalml.metrics.rate_score",
                "mean over q of TOC(q) = effect in the top share q − effect of all, with weights 1/q "
                "('autoc') or q ('qini')",
                "outcome per treated customer",
                _SORTED,
                _MEANS,
                _BOOTSTRAP,
                "Its 'autoc' weighs TOC by 1/q, the paper by 1: half of the weight lies on the best 0.4·√n "
                "customers, and the value is their noise. 'qini' is twice the paper's.",
                causalml.rate,
            ),
            Definition(
                "econml_qini",
                _ECONML,
                "econml.validate.DRTester.evaluate_uplift(metric='qini')",
                "Σ over 50 cuts, 5 % to 95 %, of P(above)·(mean ψ above − mean ψ)·step",
                "outcome per customer",
                _TOGETHER,
                _WEIGHED,
                _ERROR,
                "Nearest to ours; the tails are left out. The cuts come from training scores: where those "
                "lie elsewhere, cuts are empty (NaN) or take all. EconML's p-value is half of the "
                "two-sided one.",
                econml.qini,
            ),
            Definition(
                "econml_toc",
                _ECONML,
                "econml.validate.DRTester.evaluate_uplift(metric='toc')",
                "Σ over 50 cuts, 5 % to 95 %, of (mean ψ above − mean ψ)·step",
                "outcome per treated customer",
                _TOGETHER,
                _WEIGHED,
                _ERROR,
                "AUTOC is about the best few, and the best 5 % are left out. Cuts and p-value as in "
                "econml_qini.",
                econml.toc,
            ),
        )
    }
)
