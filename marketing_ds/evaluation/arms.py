"""What every comparison asks of its arms before any work is done."""

from __future__ import annotations

from collections.abc import Collection

from marketing_ds._core.errors import InvalidInput, did_you_mean


def check_control(arms: Collection[str], control: str) -> None:
    """Raise unless `control` is one of the arms, and not the only one."""
    if control not in arms:
        raise InvalidInput(
            f"control must be an arm of the data ({', '.join(map(repr, arms))}), "
            f"got {control!r}{did_you_mean(control, arms)}"
        )
    if len(arms) < 2:
        raise InvalidInput(f"data must have an arm beside {control!r}, got no other")
