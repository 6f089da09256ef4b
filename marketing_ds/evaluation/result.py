"""The result of an experiment: rows of effects, the checks before them, the verdict in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

import pandas as pd

from marketing_ds._core.checks import check_choice
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput, did_you_mean

from .checks import Checks
from .effects_rows import effects_rows
from .inference import EVERYBODY, Inference
from .srm import SrmCheck
from .verdict import WORDS, conclusion, first_goal, verdict_words

_SHOWN = (
    *("metric", "arm", "segment", "n_control", "n_arm", "mean_control", "mean_arm"),
    *("effect", "effect_ci_lower", "effect_ci_upper"),
    *("rel_effect", "rel_effect_ci_lower", "rel_effect_ci_upper"),
    *("p_value", "p_adjusted", "variance_reduction_share"),
    *("posterior_effect", "posterior_effect_ci_lower", "posterior_effect_ci_upper"),
    *("p_better", "expected_loss", "decision"),
)


@dataclass(frozen=True)
class ExperimentResult(Result):
    """Effects with their intervals, and whether they may be believed; see `analyze_experiment`.

    Attributes
    ----------
    settings : Inference
        Level, sides, correction … of intervals and decisions.
    checks : Checks
        What was checked before the verdict.
    srm : SrmCheck
        Whether the arms have the sizes of the design.
    notes : tuple of str
        What the analysis filled in, put together or left out, a sentence each.
    """

    settings: Inference
    checks: Checks
    srm: SrmCheck
    _frame: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def alpha(self) -> float:
        """1 − confidence of the intervals."""
        return self.settings.alpha

    @property
    def correction(self) -> str | None:
        """How `p_adjusted` accounts for the number of comparisons."""
        return self.settings.correction

    @property
    def blocked(self) -> bool:
        """Whether a failed check forbids a verdict (the numbers stay)."""
        return self.checks.blocked

    @property
    def verdict(self) -> str:
        """One sentence on the first goal, or what to look at before there can be one."""
        return self.verdict_in("en")

    def verdict_in(self, language: str) -> str:
        """The verdict in a language: ``en`` or ``zh``.

        Raises
        ------
        InvalidInput
            If the language is another.
        """
        check_choice("language", language, WORDS)
        if self.blocked:
            return WORDS[language]["blocked"].format(finding=self._obstacle(language))
        return verdict_words(self._frame, self.settings, language)

    def to_frame(self) -> pd.DataFrame:
        """One row per segment, metric and arm.

        Columns: metric, arm, segment (``all`` or ``column=value``), n_control, n_arm, mean_control,
        mean_arm (unadjusted), effect and rel_effect with their intervals, p_value, p_adjusted
        (within the family of the row), variance_reduction_share, standard_error,
        detectable_effect (shown with 80 % probability, alone), interval (``welch``, ``score`` for
        proportions with few events, ``skewed`` for means that few customers decide in arms of
        unequal size, ``none`` where nothing varies), role, better, margin_share,
        p_margin (of being worse by the margin), p_margin_adjusted (over the arms and segments of
        the metric), family, with a prior posterior_effect with its interval, p_better and
        expected_loss, and decision.
        """
        return self._frame.copy()

    def segments(self, column: str) -> pd.DataFrame:
        """Rows of the segments by one column, with the segment's `value` in front.

        Raises
        ------
        InvalidInput
            If the analysis was not asked for segments by it.
        """
        parts = self._frame["segment"].str.split("=", n=1, expand=True).reindex(columns=[0, 1])
        mine = (parts[0] == column) & parts[1].notna()
        if not mine.any():
            known = list(parts.loc[parts[1].notna(), 0].unique())
            raise InvalidInput(
                f"column must be one by which the analysis made segments "
                f"({', '.join(map(repr, known)) or 'none'}), got {column!r}"
                f"{did_you_mean(column, known)}"
            )
        found = self._frame[mine].reset_index(drop=True)
        found.insert(0, "value", parts.loc[mine, 1].to_numpy())
        return found

    def conclusions(self) -> pd.DataFrame:
        """One row an arm: the decision on the first goal, on its guardrails, and what follows.

        Columns: arm, goal, decision, guardrails (name: decision), conclusion (``roll out``,
        ``do not roll out``, ``go on``; ``no verdict`` where a check blocks it).
        """
        everybody = self._frame[self._frame["segment"] == EVERYBODY]
        goal = first_goal(everybody)
        rows = []
        for row in everybody[everybody["metric"] == goal].to_dict("records"):
            mine = everybody[(everybody["arm"] == row["arm"]) & (everybody["role"] == "guardrail")]
            mine = mine[mine["metric"] != goal]
            told = [f"{m}: {d}" for m, d in zip(mine["metric"], mine["decision"], strict=True)]
            follows = conclusion(row["decision"], list(mine["decision"]))
            rows.append(
                {
                    "arm": row["arm"],
                    "goal": goal,
                    "decision": row["decision"],
                    "guardrails": "; ".join(told),
                    "conclusion": "no verdict" if self.blocked else follows,
                }
            )
        return pd.DataFrame(rows)

    def effects_table(self, campaign_id: str) -> pd.DataFrame:
        """The effects table of the mart's contract, ready to be published."""
        known = self._frame.assign(
            campaign_id=campaign_id, method="randomised", blocked=self.blocked
        )
        return effects_rows(known)

    def _obstacle(self, language: str) -> str:
        """What the first failed check found."""
        return self.checks.failed[0].finding_in(language)

    def _repr_html_(self) -> str:
        rows = self._frame[self._frame["segment"] == EVERYBODY]
        shown = rows[[name for name in _SHOWN if name in rows.columns and name != "segment"]]
        html = frame_html(shown, title=self.verdict)
        failed = Checks(self.checks.failed)
        html += frame_html(failed.to_frame(), title="Failed checks") if failed.made else ""
        html += "".join(f"<p>{escape(note, quote=False)}</p>" for note in self.notes)
        return html + (frame_html(self.srm.to_frame()) if not self.srm.passed else "")
