"""One check, and all checks of an experiment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pandas as pd

from marketing_ds._core.checks import check_choice
from marketing_ds._core.display import Result

from .words import WORDS
from .words_zh import WHAT_ZH, WORDS_ZH


@dataclass(frozen=True)
class Check(Result):
    """What one check found.

    Attributes
    ----------
    name : str
        What was checked, e.g. ``sample ratio``.
    passed : bool or None
        None where there was nothing to check it by.
    blocks : bool
        Whether a failure forbids a verdict; otherwise it is a warning.
    p_value : float
        NaN where the check is no test.
    finding : str
        One sentence: what was found and, if it failed, what to look at.
    said : str
        Which sentence of `words.WORDS` that is; other languages have it under the same name.
    facts : mapping
        What was filled into it.
    """

    name: str
    passed: bool | None
    blocks: bool
    p_value: float
    finding: str
    _frame: pd.DataFrame = field(repr=False)
    said: str = field(default="", repr=False)
    facts: Mapping[str, object] = field(default_factory=dict, repr=False)

    def to_frame(self) -> pd.DataFrame:
        """The figures that it rests on."""
        return self._frame.copy()

    def finding_in(self, language: str, **facts: object) -> str:
        """The finding in English (``en``) or Chinese (``zh``); `facts` replace some of its own.

        In English, too, where whoever made the check had no other words.
        """
        check_choice("language", language, ("en", "zh"))
        words = WORDS if language == "en" else WORDS_ZH
        if self.said not in words:
            return self.finding
        what = WHAT_ZH.get(str(self.facts.get("what")), "")
        told = words[self.said].format(**{"what_zh": what, **self.facts, **facts})
        return _spaced(told) if language == "en" else told


def found(
    name: str,
    said: str,
    facts: Mapping[str, object],
    frame: pd.DataFrame,
    *,
    passed: bool | None,
    blocks: bool = True,
    p_value: float = float("nan"),
) -> Check:
    """A check whose finding is the sentence `said` with its facts filled in."""
    finding = _spaced(WORDS[said].format(**facts))
    return Check(name, passed, blocks, p_value, finding, frame, said, dict(facts))


def _spaced(sentence: str) -> str:
    """Percent signs stand apart from their number, as everywhere."""
    return re.sub(r"(\d)%", r"\1 %", sentence)


@dataclass(frozen=True)
class Checks(Result):
    """All checks of an experiment, in the order in which they were made.

    ``checks["sample ratio"]`` is one of them; ``for check in checks`` goes through all.
    """

    made: tuple[Check, ...]

    @property
    def blocked(self) -> bool:
        """Whether a failed check forbids a verdict."""
        return any(check.blocks and check.passed is False for check in self.made)

    @property
    def failed(self) -> tuple[Check, ...]:
        """Those that failed, the blocking ones first."""
        return tuple(
            sorted((c for c in self.made if c.passed is False), key=lambda check: not check.blocks)
        )

    def __iter__(self) -> Iterator[Check]:
        return iter(self.made)

    def __getitem__(self, name: str) -> Check:
        for check in self.made:
            if check.name == name:
                return check
        raise KeyError(f"no check {name!r} was made (made: {', '.join(c.name for c in self.made)})")

    def to_frame(self) -> pd.DataFrame:
        """One row a check: name, passed, blocks, p_value, finding."""
        names = ("name", "passed", "blocks", "p_value", "finding")
        return pd.DataFrame([{n: getattr(c, n) for n in names} for c in self.made], columns=names)
