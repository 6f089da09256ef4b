"""The small bank that comes with the repository, and the page that shows its tables."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from marketing_ds._core.errors import InvalidInput
from marketing_ds.schema import MART

from .bank import LAST_DATE, SimulatedBank, write_bank
from .catalogue import CAMPAIGNS
from .dates import Calendar
from .truth import FOLDER, load_truth

_TIGHT = 12
"""Compression level of the sample: it is read more often than written, and kept in git."""
_SHOWN_ROWS = 3
_TRUTH_WORDS = {
    "outcomes": "Every participant of a campaign under every arm: P(buying), E[amount], type.",
    "taste": "The latent taste group of each customer.",
    "propensity": "P(at least one purchase in a category within 30 days after a month's end).",
    "lifecycle": "Lifecycle stage and value tier at each month's end.",
}


def make_sample(
    out: str | PathLike[str],
    *,
    customers: int = 10_000,
    months: int = 12,
    seed: int = 7,
    progress: bool = False,
) -> SimulatedBank:
    """Make the sample bank, packed tightly, with a README.md that shows its tables.

    Parameters
    ----------
    out : path
        Folder to make; one that holds an earlier sample is replaced.
    customers, months, seed : int
        As in `simulate`; the same values give the same files.
    progress : bool
        Show a progress bar.

    Returns
    -------
    SimulatedBank
        Where it is, with the rows and bytes of each table.

    Raises
    ------
    InvalidInput
        If the folder holds something else than an earlier sample.

    Examples
    --------
    >>> import tempfile
    >>> from marketing_ds.datasets import make_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bank = make_sample(f"{folder}/sample", customers=100, months=6)
    ...     readme = (bank.path / "README.md").read_text(encoding="utf-8")
    >>> readme.splitlines()[0]
    '# The sample bank'
    """
    path = Path(out)
    earlier = path.exists()
    if earlier and not (path / FOLDER).is_dir() and (not path.is_dir() or any(path.iterdir())):
        raise InvalidInput(f"out must be a new folder or an earlier sample, got {path}")
    parent = path.resolve().parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=parent) as aside:
        bank = write_bank(
            Path(aside) / "bank", customers=customers, months=months, seed=seed, dirty=False,
            last_date=LAST_DATE, progress=progress, level=_TIGHT,
        )  # fmt: skip
        (bank.path / "README.md").write_text(_readme(bank), encoding="utf-8")
        if earlier:
            path.rename(Path(aside) / "earlier")
        bank.path.rename(path)
    return bank.moved(path)


def _readme(bank: SimulatedBank) -> str:
    """The page that shows the sample; the same for the same bank."""
    tables = [
        f"| [`{name}`](#{name}) | {' × '.join(MART[name].grain)} | {rows:,} | {MART[name].description} |"
        for name, rows in bank.rows.items()
    ]
    return "\n".join(
        [
            "# The sample bank",
            "",
            f"A simulated retail bank: {bank.customers:,} customers, {bank.months} months up to "
            f"{bank.last_date}, seed {bank.seed}. No row comes from a real person. Made by "
            "`make sample`, which writes the same files again; nothing here is edited by hand.",
            "",
            "| table | one row is a | rows | what |",
            "|---|---|---:|---|",
            *tables,
            "",
            "## The campaigns",
            "",
            *_campaigns(bank),
            "",
            f"## The truth: `{FOLDER}/`",
            "",
            "What no bank can see. A mart never reads folders that begin with `_`; "
            "`marketing_ds.datasets.load_truth` does.",
            "",
            *_truth(bank.path),
            *(line for name in bank.rows for line in _shown(bank.path, name)),
        ]
    )


def _campaigns(bank: SimulatedBank) -> list[str]:
    """What each arm really does: the averages of the truth."""
    calendar = Calendar.ending(bank.last_date, bank.months)
    truth = load_truth(bank.path).to_frame()
    keys = list(zip(truth["campaign_id"], truth["arm"], strict=True))
    conversion = dict(zip(keys, truth["expected_converted"], strict=True))
    effects = dict(zip(keys, truth["effect"], strict=True))
    lines = [
        "Expected conversion is the mean of the truth over everyone who took part, whatever arm "
        "they were given.",
        "",
        "| campaign | starts | arm | P(arm) | expected conversion | effect |",
        "|---|---|---|---:|---:|---:|",
    ]
    for campaign in CAMPAIGNS:
        arms = [("control", campaign.control_probability)]
        arms += [(arm.offer, arm.probability) for arm in campaign.arms]
        for arm, probability in arms:
            key = (campaign.campaign_id, arm)
            chance = f"{probability:.3f}" if campaign.randomised else "chosen by managers"
            effect = "" if arm == "control" else f"{100 * effects[key]:+.2f} points"
            lines.append(
                f"| {campaign.campaign_id} {campaign.name} | "
                f"{calendar.date(campaign.starts_on(calendar))} | `{arm}` | {chance} | "
                f"{100 * conversion[key]:.2f} % | {effect} |"
            )
    return lines


def _truth(path: Path) -> list[str]:
    lines = ["| file | rows | what |", "|---|---:|---|"]
    for name, words in _TRUTH_WORDS.items():
        rows = pq.read_metadata(path / FOLDER / f"{name}.parquet").num_rows
        lines.append(f"| `{name}.parquet` | {rows:,} | {words} |")
    return lines


def _shown(path: Path, name: str) -> list[str]:
    """The first rows of a table."""
    first = pq.ParquetFile(path / name / "part-0000.parquet")
    rows = next(first.iter_batches(batch_size=_SHOWN_ROWS)).to_pylist()
    names = first.schema_arrow.names
    return [
        "",
        f"## {name}",
        "",
        _line(names),
        _line(["---"] * len(names)),
        *(_line([_cell(row[column]) for column in names]) for row in rows),
    ]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, float):
        return f"{round(value, 4):,}" if value >= 1e4 else f"{round(value, 4)}"
    return str(value)
