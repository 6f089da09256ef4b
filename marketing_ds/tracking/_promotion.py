"""Champion and challenger: a paired test decides, and what it said is written down."""

from __future__ import annotations

import datetime as dt
import getpass
from pathlib import Path
from typing import Protocol

import pandas as pd

from marketing_ds._core.errors import InvalidInput, PublicationError

from ._registry import CHALLENGER, CHAMPION, PREVIOUS, RegisteredModel, champion, version_of
from ._store import using_store

NAMES = (CHAMPION, CHALLENGER)


class Comparison(Protocol):
    """A paired test of two models on the same customers, as `compare_probabilities` gives it."""

    @property
    def names(self) -> tuple[str, str]:
        """What a and b are called."""

    @property
    def winner(self) -> str | None:
        """`a` or `b` where one is better, else None."""

    @property
    def better(self) -> str:
        """The verdict in a sentence, with its figures."""

    def to_frame(self) -> pd.DataFrame:
        """measure, a, b, difference with its interval, p_value."""


def promote(
    name: str,
    comparison: Comparison | None = None,
    *,
    force: bool = False,
    reason: str = "",
    root: str | Path = ".",
) -> RegisteredModel:
    """Make the challenger the champion, if the paired test says that it is better.

    The change of the champion is one step of the store: a reader sees the one or the other. What
    led to it is written to the version before: figures, verdict, who and when. The former champion
    stays as `previous`. Interrupted between its steps, the same call finishes the rest.

    Parameters
    ----------
    name : str
        Name of the registered model.
    comparison : PropensityComparison, optional
        ``compare_probabilities(y, p_champion, p_challenger, names=("champion", "challenger"))`` on
        customers that neither learnt from. Only the first champion needs none.
    force : bool, default=False
        Promote without the test's consent; recorded as forced, with `reason`.
    reason : str, optional
        Why, in words; `force` needs one.
    root : str or Path
        The project's folder.

    Returns
    -------
    RegisteredModel
        The new champion.

    Raises
    ------
    NotPublished
        If there is no challenger.
    PublicationError
        If the test does not say that the challenger is better; with the figures.
    InvalidInput
        If the comparison is missing or the other way round, or `force` comes without a reason.
    """
    from mlflow import MlflowClient

    place = Path(root)
    if force and not reason:
        raise InvalidInput("force needs reason=: why the test is overruled, for the record")
    rival = champion(name, alias=CHALLENGER, root=place)
    with using_store(place):
        client = MlflowClient()
        old = version_of(name, CHAMPION)
        former = None if old is None else int(old.version)
        if former != rival.version:
            if former is not None:
                _check_better(name, comparison, force)
            facts = _record(comparison, former, force, reason)
            for key, value in facts.items():
                client.set_model_version_tag(name, str(rival.version), key, value)
            if former is not None:
                client.set_registered_model_alias(name, PREVIOUS, str(former))
            client.set_registered_model_alias(name, CHAMPION, str(rival.version))
        client.delete_registered_model_alias(name, CHALLENGER)
    return champion(name, root=place)


def roll_back(name: str, *, reason: str, root: str | Path = ".") -> RegisteredModel:
    """Make the previous champion the champion again.

    Parameters
    ----------
    name : str
        Name of the registered model.
    reason : str
        Why, for the record.
    root : str or Path
        The project's folder.

    Raises
    ------
    NotPublished
        If there is no previous champion.
    InvalidInput
        If no reason is given.
    """
    from mlflow import MlflowClient

    if not reason:
        raise InvalidInput("reason must say why the champion goes, for the record; got ''")
    place = Path(root)
    before = champion(name, alias=PREVIOUS, root=place)
    with using_store(place):
        client = MlflowClient()
        facts = {"rolled_back.reason": reason, "rolled_back.by": _who(), "rolled_back.at": _now()}
        for key, value in facts.items():
            client.set_model_version_tag(name, str(before.version), key, value)
        client.set_registered_model_alias(name, CHAMPION, str(before.version))
        client.delete_registered_model_alias(name, PREVIOUS)
    return champion(name, root=place)


def _check_better(name: str, comparison: Comparison | None, force: bool) -> None:
    """Raise unless the challenger, b, is shown to be better."""
    if force:
        return
    if comparison is None:
        raise InvalidInput(
            f"comparison is needed, since {name!r} has a champion: compare_probabilities(y, "
            "p_champion, p_challenger, names=('champion', 'challenger')) on customers that "
            "neither learnt from"
        )
    if tuple(comparison.names) != NAMES:
        raise InvalidInput(
            "comparison must be of names ('champion', 'challenger'), in that order, so that nobody "
            f"promotes the worse by mistake; got {tuple(comparison.names)}"
        )
    if comparison.winner != "b":
        raise PublicationError(
            f"the challenger of {name!r} is not promoted: {comparison.better} The champion stays; "
            "compare on more customers, or overrule the test with force=True and a reason"
        )


def _record(
    comparison: Comparison | None, former: int | None, force: bool, reason: str
) -> dict[str, str]:
    """What is written to the version: figures, verdict, who, when, from what."""
    facts = {
        "promotion.by": _who(),
        "promotion.at": _now(),
        "promotion.forced": str(force).lower(),
        "promotion.over_version": "none" if former is None else str(former),
    }
    if reason:
        facts["promotion.reason"] = reason
    if comparison is None:
        return facts
    facts["promotion.verdict"] = comparison.better
    for row in comparison.to_frame().to_dict("records"):
        facts[f"promotion.{row['measure']}"] = (
            f"{row['a']:.6g} -> {row['b']:.6g}, difference {row['difference']:+.6g} "
            f"[{row['difference_ci_lower']:+.6g}, {row['difference_ci_upper']:+.6g}], "
            f"p = {row['p_value']:.3g}"
        )
    return facts


def _who() -> str:
    return getpass.getuser()


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
