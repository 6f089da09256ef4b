"""Whether customers were found by a look-alike themselves."""

from __future__ import annotations

from typing import Any

MARK = "lookalike"
"""Key under which `how` names the model that found the customers."""


def is_found(how: Any) -> bool:
    """Whether customers made in this way (the JSON of `Audience.how`) come out of a look-alike.

    Who is taken away from an audience does not count.

    Examples
    --------
    >>> found = {"ids": 20, "lookalike": "0f3a"}
    >>> is_found({"limit": 5, "salt": "a", "of": found}), is_found({"minus": [{"ids": 9}, found]})
    (True, False)
    """
    if isinstance(how, list):
        return any(map(is_found, how))
    if not isinstance(how, dict):
        return False
    if MARK in how:
        return True
    if "minus" in how:
        return is_found(how["minus"][:1])
    return any(is_found(part) for word, part in how.items() if word != "everybody_but")
