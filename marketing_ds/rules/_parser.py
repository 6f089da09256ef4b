"""Rule text to rules: a tokeniser and a recursive-descent parser, and nothing that evaluates.

::

    rule      = and-rule { "or" and-rule }
    and-rule  = not-rule { "and" not-rule }
    not-rule  = "not" not-rule | "(" rule ")" | condition
    condition = operand ( "==" | "=" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ) operand
              | tag [ "not" ] "in" "(" value { "," value } ")"
              | tag [ "not" ] "between" value "and" value
              | tag "is" [ "not" ] "null"
              | tag                                   (a tag that is true or false)
    operand   = tag | value
    value     = number | 'text' | "text" | "true" | "false" | "date" 'YYYY-MM-DD'
    tag       = name | `any name`

Words are read in upper or lower case; a quote inside text, and a backtick inside a name, is doubled.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn, TypeVar, cast

from marketing_ds._core.errors import InvalidInput

from ._rules import (
    KEYWORDS,
    MAX_DEPTH,
    And,
    Between,
    Compare,
    In,
    IsNull,
    Not,
    Operator,
    Or,
    Rule,
    Scalar,
    TagName,
    check_scalar,
)

_T = TypeVar("_T")
_MAX_LENGTH = 100_000
_MAX_DIGITS = 40
_SHOWN = 60
"""Letters shown on either side of an error."""
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.]))
      | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<quoted>`(?:[^`]|``)*`)
      | (?P<word>[^\W\d]\w*)
      | (?P<op>==|!=|<>|<=|>=|<|>|=)
      | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)
_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SAME = {"=": "==", "<>": "!="}
_FOREIGN = {"&": "and", "|": "or", "~": "not", "!": "not"}


@dataclass(frozen=True)
class Token:
    """A piece of text; keywords have kind ``keyword``, the end has kind ``end``."""

    kind: str
    text: str
    position: int

    @property
    def shown(self) -> str:
        """For messages."""
        return "the end" if self.kind == "end" else repr(self.text)


def parse(text: str) -> Rule:
    """Read a rule from `text`; see `Rule.parse`."""
    if not isinstance(text, str):
        raise InvalidInput(f"rule must be text, got {text!r}")
    if len(text) > _MAX_LENGTH:
        raise InvalidInput(
            f"rule must have at most {_MAX_LENGTH:,} characters, got {len(text):,}; "
            f"hand over a list of ids instead"
        )
    return _Parser(text).whole()


def fail(text: str, position: int, message: str) -> NoReturn:
    """Raise `message` with the line of `text` and a caret under `position` (counted from 0)."""
    start = max(text.rfind("\n", 0, position) + 1, position - _SHOWN)
    line = text[start : position + _SHOWN].split("\n", 1)[0]
    before = "".join(
        "　" if unicodedata.east_asian_width(letter) in "WF" else " "
        for letter in text[start:position]
    )
    raise InvalidInput(f"{message} at position {position}\n  {line}\n  {before}^")


def _tokens(text: str) -> list[Token]:
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
    if letter in "+-.0123456789":
        fail(text, position, "rule has a malformed number")
    fail(text, position, f"rule must not contain {letter!r}")


class _Parser:
    """One method a line of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def whole(self) -> Rule:
        if self._peek.kind == "end":
            self._fail("rule must not be empty; a rule such as aum >= 50000 is expected")
        rule = self._or()
        if self._peek.text == ")":
            self._fail("rule has a ')' without '('")
        if self._peek.kind != "end":
            self._fail(f"rule must go on with and, or, or end here, got {self._peek.shown}")
        return rule

    def _or(self) -> Rule:
        return self._chain("or", self._and, Or)

    def _and(self) -> Rule:
        return self._chain("and", self._not, And)

    def _chain(self, word: str, part: Callable[[], Rule], kind: type[And] | type[Or]) -> Rule:
        start = self._peek.position
        rules = [part()]
        while self._take(word):
            rules.append(part())
        return rules[0] if len(rules) == 1 else kind(tuple(rules), position=start)

    def _not(self) -> Rule:
        token = self._peek
        if token.kind == "keyword" and token.text == "not":
            with self._deeper():
                self._advance()
                return Not(self._not(), position=token.position)
        if token.text == "(" and token.kind == "mark":
            with self._deeper():
                self._advance()
                rule = self._or()
                if not self._take(")"):
                    self._fail(f"rule must close the '(' of position {token.position} with ')'")
                return rule
        return self._condition()

    def _condition(self) -> Rule:
        start = self._peek.position
        left = self._operand()
        token = self._peek
        if token.kind == "op":
            self._advance()
            return self._comparison(left, _SAME.get(token.text, token.text), start)
        if not isinstance(left, TagName):
            self._fail(f"rule must compare the value {left!r} with a tag, got {token.shown}")
        negated = self._take("not")
        if self._take("in"):
            rule: Rule = In(left.tag, self._values(), position=start)
        elif self._take("between"):
            rule = self._between(left.tag, start)
        elif negated:
            self._fail(f"rule must go on with in or between after not, got {self._peek.shown}")
        elif self._take("is"):
            negated = self._take("not")
            if not self._take("null"):
                self._fail(
                    f"rule must go on with null or not null after is, got {self._peek.shown}"
                )
            rule = IsNull(left.tag, position=start)
        elif token.kind == "end" or token.text in ("and", "or", ")"):
            return Compare(left.tag, "==", True, position=start)
        else:
            self._fail(f"rule must compare {left.tag!r} with something here, got {token.shown}")
        return Not(rule, position=start) if negated else rule

    def _comparison(self, left: TagName | Scalar, op: str, start: int) -> Rule:
        if self._peek.text == "null" and self._peek.kind == "keyword":
            self._fail("rule must test for null with is null or is not null")
        right = self._operand()
        if self._peek.kind == "op":
            self._fail("rule must not chain comparisons; join two with and, or use between")
        if isinstance(left, TagName):
            return Compare(left.tag, cast(Operator, op), right, position=start)
        if isinstance(right, TagName):
            return Compare(right.tag, cast(Operator, _FLIPPED[op]), left, position=start)
        fail(self._text, start, "rule must compare a tag, got two values")

    def _between(self, tag: str, start: int) -> Rule:
        low = self._value()
        if not self._take("and"):
            self._fail(f"rule must join the ends of between with and, got {self._peek.shown}")
        return Between(tag, low, self._value(), position=start)

    def _values(self) -> tuple[Scalar, ...]:
        if not self._take("("):
            self._fail(f"rule must list the values of in between brackets, got {self._peek.shown}")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        if not self._take(")"):
            self._fail(f"rule must go on with ',' or ')' in a list, got {self._peek.shown}")
        return tuple(values)

    def _operand(self) -> TagName | Scalar:
        token = self._peek
        if token.kind == "word":
            self._advance()
            return TagName(token.text)
        if token.kind == "quoted":
            name = token.text[1:-1].replace("``", "`")
            tag = self._checked(lambda: TagName(name))
            self._advance()
            return tag
        return self._value()

    def _value(self) -> Scalar:
        token = self._peek
        value: Scalar
        if token.kind == "number":
            value = self._number(token)
        elif token.kind == "text":
            quote = token.text[0]
            value = token.text[1:-1].replace(quote * 2, quote)
        elif token.kind == "keyword" and token.text in ("true", "false"):
            value = token.text == "true"
        elif token.kind == "keyword" and token.text == "date":
            return self._date()
        else:
            self._fail(f"rule must have a value here, got {token.shown}")
        self._checked(lambda: check_scalar(value))
        self._advance()
        return value

    def _number(self, token: Token) -> int | float:
        if token.text.lstrip("+-").isdigit() and len(token.text) <= _MAX_DIGITS:
            return int(token.text)
        return float(token.text)

    def _date(self) -> dt.date:
        self._advance()
        token = self._peek
        try:
            day = dt.date.fromisoformat(token.text[1:-1] if token.kind == "text" else "")
        except ValueError:
            self._fail(f"rule must have a day such as '2026-06-30' after date, got {token.shown}")
        self._advance()
        return day

    @property
    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _advance(self) -> None:
        self._next += 1

    def _take(self, text: str) -> bool:
        """Step over the keyword or mark `text`, if it is next."""
        found = self._peek.kind in ("keyword", "mark") and self._peek.text == text
        self._next += found
        return found

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail(f"rule must not nest deeper than {MAX_DEPTH}")
        yield
        self._depth -= 1

    def _checked(self, check: Callable[[], _T]) -> _T:
        """What `check` returns; its complaint gets the position."""
        try:
            return check()
        except InvalidInput as error:
            self._fail(str(error))

    def _fail(self, message: str) -> NoReturn:
        fail(self._text, self._peek.position, message)
