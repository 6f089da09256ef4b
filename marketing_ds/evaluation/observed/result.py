"""What an analysis without randomisation found, and how little it takes to doubt it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from marketing_ds._core.checks import check_choice
from marketing_ds._core.display import frame_html

from .balance import NOTICEABLE, CovariateBalance, PropensityOverlap
from .sensitivity import Sensitivity
from .weaker import WeakerEvidence
from .words import LANGUAGES, WORDS, number, sentence


@dataclass(frozen=True)
class ObservationalResult(WeakerEvidence):
    """Effects of a campaign whose arms were chosen, not drawn; see `analyze_observational`.

    Attributes
    ----------
    method : {"doubly_robust", "weighting", "matching"}
    estimand : {"ate", "att"}
        For all customers of the arm and control, or for those of the arm.
    alpha : float
        1 − confidence of the intervals.
    correction : str or None
        How `p_adjusted` accounts for the number of rows.
    balance : CovariateBalance
        Standardised mean differences before and after.
    overlap : PropensityOverlap
        Whether both sides could have been in the arm.
    sensitivity : Sensitivity
        What hidden confounding the effects withstand.
    learners : mapping
        Arm → nuisance → how much each learner counts in it.
    """

    method: str
    estimand: str
    alpha: float
    correction: str | None
    covariates: tuple[str, ...]
    balance: CovariateBalance = field(repr=False)
    overlap: PropensityOverlap = field(repr=False)
    sensitivity: Sensitivity = field(repr=False)
    learners: Mapping[str, Mapping[str, Mapping[str, float]]] = field(repr=False)
    _frame: pd.DataFrame = field(repr=False)

    @property
    def _method(self) -> str:
        return self.method

    def _told(self, words: Mapping[str, str], language: str) -> list[str]:
        """Of the first metric: what was found, and what speaks against it."""
        first = self._frame[self._frame["metric"] == self._frame["metric"].iloc[0]]
        joint = self.sensitivity.to_frame()
        found = words["and"].join(
            sentence(row, self.alpha, language) for row in first.to_dict("records")
        )
        method = words[self.method] + words[self.estimand]
        parts = [
            words["found"].format(
                metric=first["metric"].iloc[0], found=found, method=method, n=len(self.covariates)
            ),
            words["naive"].format(
                values=words["comma"].join(number(v, signed=True) for v in first["naive_effect"])
            ),
        ]
        sure = first[first["p_adjusted"] < self.alpha]
        if len(sure):
            limits = joint.merge(sure[["metric", "arm"]])["e_value_limit"]
            parts.append(words["e_value"].format(value=number(float(limits.min()))))
        return [*parts, *self.cautions(language)]

    def cautions(self, language: str = "en") -> list[str]:
        """What speaks against the assumptions in these data: no overlap, imbalance left over."""
        words = WORDS[check_choice("language", language, LANGUAGES)]
        found = []
        if not self.overlap.passed:
            share = float(self.overlap.to_frame()["outside_share"].max())
            found.append(words["outside"].format(share=f"{100 * share:.0f}"))
        if self.balance.worst > NOTICEABLE:
            frame = self.balance.to_frame()
            worst = frame.iloc[int(frame["smd_adjusted"].abs().to_numpy().argmax())]
            found.append(
                words["unbalanced"].format(
                    covariate=worst["covariate"],
                    smd=number(float(worst["smd_adjusted"]), signed=True),
                )
            )
        return found

    def _repr_html_(self) -> str:
        return frame_html(self._frame, title=self.verdict)
