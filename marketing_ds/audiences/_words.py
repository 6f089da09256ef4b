"""How an audience was made, in words for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketing_ds.rules import Rule


def describe(how: Mapping[str, Any]) -> str:
    """The JSON of how an audience was made, as one line."""
    match how:
        case {"rule": rule}:
            return str(Rule.from_dict(rule))
        case {"ids": number, "lookalike": version}:
            return f"{number:,} found by look-alike {version}"
        case {"ids": number}:
            return f"{number:,} ids"
        case {"expression": text}:
            return str(text)
        case {"everybody_but": inner}:
            return f"everybody but ({describe(inner)})"
        case {"top": number, "by": tag, "of": inner}:
            return f"top {number:,} by {tag} of ({describe(inner)})"
        case {"limit": number, "of": inner, **way}:
            order = f"first by {way['by']}" if "by" in way else f"drawn with salt {way['salt']!r}"
            return f"at most {number:,} of ({describe(inner)}), {order}"
    ((word, parts),) = how.items()
    return f" {word} ".join(f"({describe(part)})" for part in parts)
