"""Where a workspace keeps its bundles: one folder a model version, never replaced."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from marketing_ds._core.checks import check_date
from marketing_ds._core.errors import NotPublished

from ._bundle import Bundle, load_bundle

if TYPE_CHECKING:
    from marketing_ds.mart import Mart


def bundle_path(mart: Mart, name: str, as_of: str | dt.date, version: str) -> Path:
    """The folder of a bundle in the mart's workspace.

    Parameters
    ----------
    mart : Mart
        Whose workspace.
    name : str
        Name of the model, e.g. ``"uplift"``.
    as_of : date
        The business date on which it was made.
    version : str
        The model's version (and the policy's, if it carries one).

    Examples
    --------
    >>> import marketing_ds as mds
    >>> mart = mds.open_mart("data_samples", workspace="workspace/demo")
    >>> bundle_path(mart, "uplift", "2026-06-30", "3f2a").relative_to(mart.workspace.root).as_posix()
    'bundles/name=uplift/as_of=2026-06-30/version=3f2a'
    """
    day = check_date("as_of", as_of)
    root = mart.workspace.root / "bundles"
    return root / f"name={name}" / f"as_of={day}" / f"version={version}"


def newest_bundle(mart: Mart, name: str, *, as_of: str | dt.date | None = None) -> Bundle:
    """The newest complete bundle of a name, verified.

    Parameters
    ----------
    mart : Mart
        Whose workspace.
    name : str
        Name of the model.
    as_of : date, optional
        Only bundles made on or before this day.

    Raises
    ------
    NotPublished
        If there is none.
    InvalidInput
        If the newest fails its checks.
    """
    last = None if as_of is None else check_date("as_of", as_of)
    folder = mart.workspace.root / "bundles" / f"name={name}"
    found = []
    for manifest in folder.glob("as_of=*/version=*/manifest.json"):
        day = dt.date.fromisoformat(manifest.parts[-3].removeprefix("as_of="))
        if last is None or day <= last:
            found.append((day, manifest.stat().st_mtime_ns, manifest.parent))
    if not found:
        until = "" if last is None else f" made by {last}"
        raise NotPublished(
            f"there is no bundle '{name}'{until} in '{folder}'; make one first, e.g. with: "
            f"marketing-ds run 06_uplift"
        )
    return load_bundle(max(found)[2])
