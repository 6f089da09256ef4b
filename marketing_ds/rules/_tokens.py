"""Rule text to tokens, in one pass; and errors that show the place."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import NoReturn, cast

from marketing_ds._core.errors import InvalidInput

from ._values import brief
from ._writing import KEYWORDS

NO_ARITHMETIC = "what is computed is a tag of its own (mds.tags.define)"
_SHOWN = 60
"""Letters shown on either side of an error."""
# `++` and `*+` never give back what they took: no text takes longer than its length says.
_TOKEN = re.compile(
    r"""\s*+(?:
        (?P<number>[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?(?![\w.]))
      | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<quoted>`(?:[^`]|``)*`)
      | (?P<word>[^\W\d]\w*+)
      | (?P<op>==|!=|<>|<=|>=|<|>|=)
      | (?P<mark>[(),%+-])
    )""",
    re.VERBOSE,
)
_FOREIGN = {"&": "and", "|": "or", "~": "not", "!": "not"}
_LOOKALIKE = {
    letter: plain
    for plain, letters in {
        "(": "（[【", ")": "）]】", ",": "，、", "'": "‘’“”＇＂「」", "%": "％", "-": "−–",
        "==": "＝", ">": "＞", "<": "＜", ">=": "≥⩾", "<=": "≤⩽", "!=": "≠",
    }.items()
    for letter in letters
}  # fmt: skip
"""What keyboards and word processors write for a sign of the language."""
_COMPUTED = "*/^"


@dataclass(frozen=True)
class Token:
    """A piece of text; keywords have kind ``keyword``, the end has kind ``end``."""

    kind: str
    text: str
    position: int

    @property
    def shown(self) -> str:
        """For messages."""
        return "the end" if self.kind == "end" else brief(self.text)


def fail(text: str, position: int, message: str) -> NoReturn:
    """Raise `message` with the line of `text` and a caret under `position` (counted from 0)."""
    start = max(text.rfind("\n", 0, position) + 1, position - _SHOWN)
    line = text[start : position + _SHOWN].split("\n", 1)[0]
    before = "".join(
        "　" if unicodedata.east_asian_width(letter) in "WF" else " "
        for letter in text[start:position]
    )
    raise InvalidInput(f"{message} at position {position}\n  {line}\n  {before}^")


def tokens(text: str) -> list[Token]:
    """The tokens of `text`, an ``end`` behind them."""
    found, position = [], 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            _fail_token(text, position)
        kind = cast(str, match.lastgroup)
        piece, start = match[kind], match.start(kind)
        if kind == "word" and piece.lower() in KEYWORDS:
            kind, piece = "keyword", piece.lower()
        found.append(Token(kind, piece, start))
        position = match.end()
    return [*found, Token("end", "", end)]


def _fail_token(text: str, position: int) -> NoReturn:
    while text[position].isspace():
        position += 1
    letter = text[position]
    if letter in "'\"`":
        fail(text, position, f"rule has an opening {letter} that is never closed")
    if letter in _FOREIGN:
        fail(text, position, f"rule must use the word {_FOREIGN[letter]!r}, got {letter!r}")
    if letter in _LOOKALIKE:
        fail(text, position, f"rule must have {_LOOKALIKE[letter]!r} here, got {letter!r}")
    if letter in _COMPUTED:
        fail(text, position, f"rule must not contain {letter!r}; {NO_ARITHMETIC}")
    if letter.isdigit() or (letter == "." and text[position + 1 : position + 2].isdigit()):
        fail(text, position, "rule has a malformed number")
    fail(text, position, f"rule must not contain {letter!r}")
