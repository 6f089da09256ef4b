"""Rule text to rules: a tokeniser and a recursive-descent parser, and nothing that evaluates.

::

    rule      = and-rule { "or" and-rule }
    and-rule  = not-rule { "and" not-rule }
    not-rule  = "not" not-rule | "(" rule ")" | condition
    condition = operand ( "==" | "=" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ) operand
              | tag [ "not" ] "in" "(" value { "," value } ")"
              | tag [ "not" ] "between" value "and" value
              | tag [ "not" ] ( "contains" | "starts" "with" | "ends" "with" | "like" ) text
              | tag "is" [ "not" ] "null"
              | ( "top" | "bottom" ) number [ "%" ] "by" tag
              | tag                                   (a tag that is true or false)
    operand   = tag | value
    value     = number | text | "true" | "false" | "date" 'YYYY-MM-DD' | day
    day       = "as_of" [ ( "+" | "-" ) number ( "days" | "weeks" | "months" | "years" ) ]
    text      = 'text' | "text"
    tag       = name | `any name`

Words are read in upper or lower case; a quote inside text, and a backtick inside a name, is doubled.
A tag whose name is one of these words stands in backticks.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn, TypeVar, cast

from marketing_ds._core.errors import InvalidInput

from ._rules import (
    MAX_DEPTH,
    And,
    Between,
    Compare,
    End,
    In,
    IsNull,
    Match,
    Matching,
    Not,
    Operator,
    Or,
    Rule,
    Top,
)
from ._tokens import NO_ARITHMETIC, Token, fail, tokens
from ._values import UNITS, AsOf, Operand, Scalar, TagName, brief, check_scalar

_T = TypeVar("_T")
_MAX_LENGTH = 100_000
_MAX_DIGITS = 40
_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SAME = {"=": "==", "<>": "!="}
_ADVICE = {
    "+": f"; {NO_ARITHMETIC}",
    "-": f"; {NO_ARITHMETIC}",
    ",": "; in numbers no comma stands between digits",
}
_MATCHES: Mapping[str, Matching] = {
    "contains": "contains",
    "starts": "starts with",
    "ends": "ends with",
    "like": "like",
}


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


class _Parser:
    """One method a line of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._next = 0
        self._depth = 0

    def whole(self) -> Rule:
        if self._peek.kind == "end":
            self._fail("rule must not be empty; a rule such as aum >= 50000 is expected")
        rule = self._or()
        if self._peek.text == ")":
            self._fail("rule has a ')' without '('")
        if self._peek.kind != "end":
            more = _ADVICE.get(self._peek.text, "") if self._peek.kind == "mark" else ""
            self._fail(f"rule must go on with and, or, or end here, got {self._peek.shown}{more}")
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
        token = self._peek
        if token.kind == "keyword" and token.text in ("top", "bottom"):
            return self._top(cast(End, token.text))
        left, place = self._operand(), token.position
        token = self._peek
        if token.kind == "op":
            self._advance()
            return self._comparison(left, place, _SAME.get(token.text, token.text))
        if not isinstance(left, TagName):
            self._fail(f"rule must compare the value {brief(left)} with a tag, got {token.shown}")
        if self._take("is"):
            return self._null_test(left.tag, place)
        if token.kind == "end" or token.text in ("and", "or", ")"):
            return Compare(left.tag, "==", True, position=place)
        return self._negatable(left.tag, place)

    def _negatable(self, tag: str, place: int) -> Rule:
        """What may have its `not` behind the tag."""
        negated = self._take("not")
        token = self._peek
        if self._take("in"):
            rule: Rule = self._in(tag, place)
        elif self._take("between"):
            rule = self._between(tag, place)
        elif token.kind == "keyword" and token.text in _MATCHES:
            rule = self._match(tag, place)
        elif negated:
            self._fail(
                "rule must go on with in, between, contains, starts with, ends with or like after "
                f"not, got {token.shown}"
            )
        elif token.text == "(":
            self._fail(f"rule must compare {tag!r} with something; it is no function", place)
        else:
            self._fail(f"rule must compare {tag!r} with something here, got {token.shown}")
        return Not(rule, position=place) if negated else rule

    def _comparison(self, left: Operand, start: int, op: str) -> Rule:
        if self._peek.text == "null" and self._peek.kind == "keyword":
            self._fail("rule must test for null with is null or is not null")
        end = self._peek.position
        right = self._operand()
        if self._peek.kind == "op":
            self._fail("rule must not chain comparisons; join two with and, or use between")
        if isinstance(left, TagName):
            return Compare(left.tag, cast(Operator, op), right, position=start, places=(end,))
        if not isinstance(right, TagName):
            self._fail("rule must compare a tag, got two values", start)
        flipped = cast(Operator, _FLIPPED[op])
        return Compare(right.tag, flipped, left, position=end, places=(start,))

    def _null_test(self, tag: str, place: int) -> Rule:
        negated = self._take("not")
        if not self._take("null"):
            self._fail(f"rule must go on with null or not null after is, got {self._peek.shown}")
        rule = IsNull(tag, position=place)
        return Not(rule, position=place) if negated else rule

    def _between(self, tag: str, place: int) -> Rule:
        low, first = self._placed_value()
        if not self._take("and"):
            self._fail(f"rule must join the ends of between with and, got {self._peek.shown}")
        high, second = self._placed_value()
        return Between(tag, low, high, position=place, places=(first, second))

    def _in(self, tag: str, place: int) -> Rule:
        if not self._take("("):
            self._fail(f"rule must list the values of in between brackets, got {self._peek.shown}")
        values = [self._placed_value()]
        while self._take(","):
            values.append(self._placed_value())
        if not self._take(")"):
            self._fail(f"rule must go on with ',' or ')' in a list, got {self._peek.shown}")
        listed, places = zip(*values, strict=True)
        return In(tag, listed, position=place, places=places)

    def _match(self, tag: str, place: int) -> Rule:
        how = _MATCHES[self._peek.text]
        self._advance()
        if how.endswith("with") and not self._take("with"):
            self._fail(f"rule must go on with 'with' here ({how} 'x'), got {self._peek.shown}")
        token = self._peek
        if token.kind != "text":
            self._fail(f"rule must have text in quotes after {how}, got {token.shown}")
        text = _unquoted(token)
        rule = self._checked(
            lambda: Match(tag, how, text, position=place, places=(token.position,))
        )
        self._advance()
        return rule

    def _top(self, end: End) -> Rule:
        self._advance()
        token = self._peek
        if token.kind != "number":
            self._fail(
                f"rule must have a number after {end} ({end} 1000 by aum), got {token.shown}"
            )
        number = self._number(token)
        self._advance()
        percent = self._take("%")
        if not self._take("by"):
            self._fail(f"rule must go on with by and a tag after {end} n, got {self._peek.shown}")
        place = self._peek.position
        tag = self._operand()
        if not isinstance(tag, TagName):
            self._fail(f"rule must name a tag after by, got {brief(tag)}", place)
        return self._checked(
            lambda: Top(tag.tag, number, end, percent, position=place, places=(token.position,)),
            token.position,
        )

    def _operand(self) -> Operand:
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

    def _placed_value(self) -> tuple[Scalar | AsOf, int]:
        place = self._peek.position
        return self._value(), place

    def _value(self) -> Scalar | AsOf:
        token = self._peek
        value: Scalar
        if token.kind == "number":
            value = self._number(token)
        elif token.kind == "text":
            value = _unquoted(token)
        elif token.kind == "keyword" and token.text in ("true", "false"):
            value = token.text == "true"
        elif self._take("date"):
            return self._date()
        elif self._take("as_of"):
            return self._relative_day()
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
        token = self._peek
        try:
            day = dt.date.fromisoformat(token.text[1:-1] if token.kind == "text" else "")
        except ValueError:
            self._fail(f"rule must have a day such as '2026-06-30' after date, got {token.shown}")
        self._advance()
        return day

    def _relative_day(self) -> AsOf:
        """What follows `as_of`: nothing, or a sign, a whole number and a unit."""
        token = self._peek
        sign = next((sign for sign in ("-", "+") if self._take(sign)), "")
        number = self._peek
        if not sign and not (number.kind == "number" and number.text[0] in "+-"):
            return AsOf()
        digits = sign + number.text
        if number.kind != "number" or not digits[1:].isdigit() or len(digits) > _MAX_DIGITS:
            self._fail(f"rule must add a whole number of days to as_of, got {number.shown}")
        self._advance()
        unit = next((u for u in UNITS if self._peek.text.lower() in (u, u.removesuffix("s"))), None)
        if unit is None or self._peek.kind != "word":
            self._fail(f"rule must go on with {', '.join(UNITS)} here, got {self._peek.shown}")
        self._advance()
        return self._checked(lambda: AsOf(int(digits), unit), token.position)

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

    def _checked(self, check: Callable[[], _T], place: int | None = None) -> _T:
        """What `check` returns; its complaint gets the position."""
        try:
            return check()
        except InvalidInput as error:
            self._fail(str(error), place)

    def _fail(self, message: str, place: int | None = None) -> NoReturn:
        fail(self._text, self._peek.position if place is None else place, message)


def _unquoted(token: Token) -> str:
    quote = token.text[0]
    return token.text[1:-1].replace(quote * 2, quote)
