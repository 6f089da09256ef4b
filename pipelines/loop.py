"""The whole loop in this process, for one business date: what `marketing-ds loop` starts."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from marketing_ds._core.checks import check_date
from marketing_ds._core.errors import MarketingError
from marketing_ds.mart import open_mart
from marketing_ds.runs import project_root
from marketing_ds.tracking import default_store

from .assets import UNITS, Bank

COLUMNS = ("step", "status", "seconds", "rows", "headline [95 % interval]")


def main(mart_path: str, workspace_path: str, as_of: str = "") -> int:
    """Materialise every unit for `as_of` (by default the mart's last date); returns the exit code."""
    console = Console(highlight=False)
    try:
        with open_mart(mart_path, workspace=workspace_path) as mart:
            date = check_date("as_of", as_of) if as_of else mart.last_date
    except MarketingError as error:
        console.print(f"error: {error}", style="red", markup=False)
        return 1
    console.print(f"The loop on {mart_path}, as of {date}", markup=False, soft_wrap=True)
    started = time.monotonic()
    done = list(_materialised(mart_path, workspace_path, date.isoformat(), console))
    for step in done:
        for title, content in step.tables.items():
            console.print(_table(title, content["columns"], content["data"]))
    console.print(_table("What was done", list(COLUMNS), [step.row() for step in done]))
    if len(done) < len(UNITS):
        console.print(
            f"{len(done)} of {len(UNITS)} steps are done and kept; mend what failed and run the same "
            "command again"
        )
        return 1
    _say_where(console, workspace_path, time.monotonic() - started, done)
    return 0


@dataclass(frozen=True)
class Step:
    """One unit that ended well."""

    notebook: str
    found: bool
    seconds: float
    rows: int
    headline: str
    tables: Mapping[str, Mapping[str, list[Any]]]

    def row(self) -> list[object]:
        """Its row of the closing table, in the order of `COLUMNS`."""
        status = "found done" if self.found else "done"
        return [self.notebook, status, f"{self.seconds:.1f}", f"{self.rows:,}", self.headline]


def _materialised(
    mart_path: str, workspace_path: str, date: str, console: Console
) -> Iterator[Step]:
    """Each unit that ends well; one that fails takes only those with it that read what it makes."""
    bank = Bank(mart_path=mart_path, workspace_path=workspace_path)
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    missing: set[dg.AssetKey] = set()
    with dg.DagsterInstance.ephemeral() as instance:
        for asset in UNITS:
            notebook = _notebook(asset.key)
            lacks = sorted(_notebook(key) for key in asset.asset_deps[asset.key] & missing)
            if lacks:
                console.print(f"  {notebook:<14} left out   it needs {' and '.join(lacks)}")
                missing.add(asset.key)
                continue
            started = time.monotonic()
            with console.status(f"{notebook} …"):
                run = dg.materialize(
                    list(UNITS),
                    selection=[asset],
                    partition_key=date,
                    resources={"bank": bank},
                    instance=instance,
                    run_config=quiet,
                    raise_on_error=False,
                )
            if not run.success:
                _say_failure(console, run)
                missing.add(asset.key)
                continue
            (event,) = run.asset_materializations_for_node(asset.node_def.name)
            facts = {name: value.value for name, value in event.metadata.items()}
            step = Step(
                notebook,
                bool(facts["found"]),
                time.monotonic() - started,
                facts["rows"],
                str(facts["headline"]),
                facts["tables"],
            )
            shown = "  {:<14} {:<10} {:>7} s {:>11}  {}".format(*step.row())
            console.print(shown, soft_wrap=True, markup=False)
            yield step


def _notebook(key: dg.AssetKey) -> str:
    return key.path[-1].removeprefix("unit_")


def _table(title: str, names: list[str], rows: list[list[object]]) -> Table:
    """A table of any width: it is for people and for logs, so nothing is cut off."""
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for name in names:
        right = name in {"seconds", "rows"}
        table.add_column(escape(name), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    return table


def _say_where(console: Console, workspace_path: str, seconds: float, done: Sequence[Step]) -> None:
    if all(step.found for step in done):
        console.print("Everything was done before; nothing had to run.")
    console.print(f"{len(UNITS)} steps in {seconds:.0f} s; outputs in {_short(workspace_path)}")
    pages = Path(workspace_path) / "pages"
    console.print(f"Pages to read: {_short(str(pages))}/<step>.html", soft_wrap=True)
    console.print(
        f"Runs, metrics and models: {_short(sys.executable).replace('python', 'mlflow')} ui "
        f"--backend-store-uri {default_store(project_root())}",
        soft_wrap=True,
    )


def _say_failure(console: Console, run: dg.ExecuteInProcessResult) -> None:
    for event in run.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            said = failure.user_failure_data
            reason = said.description if said else failure.error and failure.error.to_string()
            console.print(f"error: {reason}", style="red", markup=False, soft_wrap=True)


def _short(path: str) -> str:
    """The path relative to the project where it lies inside."""
    root = project_root()
    return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
