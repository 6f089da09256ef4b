"""What all results without randomisation have in common: they say that they are weaker evidence."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import pandas as pd

from marketing_ds._core.checks import check_choice
from marketing_ds._core.display import Result
from marketing_ds.evaluation.effects_rows import effects_rows

from .words import LANGUAGES, WORDS

EVIDENCE = "weaker"
"""What an effect without randomisation is: it holds only if nothing hidden drove the choice."""


class WeakerEvidence(Result):
    """Base of the results: a frozen dataclass with `_frame`, the rows of effects."""

    _frame: pd.DataFrame

    @property
    def evidence(self) -> str:
        """``weaker``: it rests on assumptions that no data can prove."""
        return EVIDENCE

    @property
    def verdict(self) -> str:
        """What was found, in English; see `verdict_in`."""
        return self.verdict_in("en")

    def verdict_in(self, language: str) -> str:
        """What was found, and that it is weaker evidence, in ``en`` or ``zh``.

        Raises
        ------
        InvalidInput
            If the language is another.
        """
        words = WORDS[check_choice("language", language, LANGUAGES)]
        return words["space"].join([words["weaker"], *self._told(words, language)])

    def to_frame(self) -> pd.DataFrame:
        """The effects, one row each."""
        return self._frame.copy()

    def effects_table(self, campaign_id: str) -> pd.DataFrame:
        """The effects table of the mart's contract, ready to be published."""
        frame = self._frame.assign(campaign_id=campaign_id, method=self._method, blocked=False)
        return effects_rows(frame)

    def _first_row(self) -> dict[str, Any]:
        """The first effect, which has nothing to be corrected for."""
        row = self._frame.assign(p_adjusted=self._frame["p_value"]).iloc[0]
        return {str(name): value for name, value in row.items()}

    @property
    @abstractmethod
    def _method(self) -> str:
        """Which of the contract's methods it was."""

    @abstractmethod
    def _told(self, words: Mapping[str, str], language: str) -> list[str]:
        """The sentences behind the first."""
