"""An experiment looked at again and again: its always-valid interval from look to look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_choice
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput

from .inference import EVERYBODY, Inference
from .result import ExperimentResult
from .verdict import first_goal


@dataclass(frozen=True)
class SequentialPath(Result):
    """The effect on one metric at every look; see `sequential_path`.

    Attributes
    ----------
    metric : str
    settings : Inference
        The same at every look.
    """

    metric: str
    settings: Inference
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row per arm and look.

        Columns: arm, look, customers (control and arm), effect with its always-valid interval,
        p_value (the least so far: what was shown once stays shown), decided (whether by then it
        was below alpha, of this comparison alone).
        """
        return self._frame.copy()

    @property
    def decided_at(self) -> dict[str, object]:
        """Arm → first look at which a difference was shown; None where at none."""
        found: dict[str, object] = {}
        for arm, part in self._frame.groupby("arm", sort=False):
            first = part.loc[part["decided"], "look"]
            found[str(arm)] = first.tolist()[0] if len(first) else None
        return found


def sequential_path(
    results: Mapping[object, ExperimentResult], *, metric: str | None = None
) -> SequentialPath:
    """Line up the looks at one experiment.

    Parameters
    ----------
    results : mapping
        Look (a date or a number, in order) → the analysis of all data up to then, each made with
        the same ``sequential=Sequential(planned=…)``.
    metric : str, optional
        The first goal by default.

    Raises
    ------
    InvalidInput
        If there is no look, a result is not always-valid, settings differ, or no result knows the
        metric.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from marketing_ds.evaluation import analyze_experiment
    >>> from marketing_ds.evaluation.inference import Sequential
    >>> rng = np.random.default_rng(0)
    >>> data = pd.DataFrame({"arm": ["control", "mail"] * 3_000})
    >>> data["spend"] = rng.gamma(2, 10, 6_000) + 4 * (data["arm"] == "mail")
    >>> looks = Sequential(planned=6_000)
    >>> path = sequential_path({
    ...     n: analyze_experiment(data.head(n), ["spend"], sequential=looks)
    ...     for n in (500, 1_000, 2_000, 4_000)})
    >>> path.decided_at
    {'mail': 2000}
    """
    if not results:
        raise InvalidInput("results must hold at least one look, got none")
    settings = [result.settings for result in results.values()]
    if settings[0].looks is None:
        raise InvalidInput(
            "results must be always-valid to be looked at more than once; "
            "give analyze_experiment sequential=Sequential(planned=…)"
        )
    if any(other != settings[0] for other in settings):
        raise InvalidInput("results must have the same settings at every look, got different ones")
    rows = []
    chosen = metric
    for look, result in results.items():
        frame = result.to_frame()
        frame = frame[frame["segment"] == EVERYBODY]
        chosen = check_choice("metric", chosen or first_goal(frame), list(frame["metric"].unique()))
        for row in frame[frame["metric"] == chosen].to_dict("records"):
            customers = row["n_control"] + row["n_arm"]
            ends = {f"effect{e}": row[f"effect{e}"] for e in ("", "_ci_lower", "_ci_upper")}
            rows.append(
                {"arm": row["arm"], "look": look, "customers": customers}
                | ends
                | {"p_value": row["p_value"]}
            )
    path = pd.DataFrame(rows).sort_values("arm", kind="stable", ignore_index=True)
    path["p_value"] = path["p_value"].fillna(1.0).groupby(path["arm"]).cummin()
    path["decided"] = np.asarray(path["p_value"] < settings[0].alpha)
    return SequentialPath(str(chosen), settings[0], path)
