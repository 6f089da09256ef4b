"""The whole loop in this process, for one business date: what `marketing-ds loop` starts."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from rich.console import Console
from rich.table import Table

from marketing_ds._core.checks import check_date
from marketing_ds._core.errors import MarketingError
from marketing_ds.mart import open_mart
from marketing_ds.runs import project_root
from marketing_ds.tracking import default_store

from .assets import UNITS, Bank


def main(mart_path: str, workspace_path: str, as_of: str = "") -> int:
    """Materialise every unit for `as_of` (by default the mart's last date); returns the exit code."""
    console = Console(highlight=False)
    try:
        mart = open_mart(mart_path, workspace=workspace_path)
        date = check_date("as_of", as_of) if as_of else mart.last_date
    except MarketingError as error:
        console.print(f"error: {error}", style="red", markup=False)
        return 1
    console.print(f"The loop on [b]{mart_path}[/b], as of {date}")
    started = time.monotonic()
    table = _new_table()
    for result in _materialised(mart_path, workspace_path, date.isoformat(), console):
        table.add_row(*result)
    console.print(table)
    done = len(table.rows) == len(UNITS)
    if done:
        _say_where(console, workspace_path, time.monotonic() - started, table)
    return 0 if done else 1


def _materialised(
    mart_path: str, workspace_path: str, date: str, console: Console
) -> Iterator[tuple[str, ...]]:
    """One row of the closing table for each unit, as it ends; stops at the first failure."""
    bank = Bank(mart_path=mart_path, workspace_path=workspace_path)
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        for asset in UNITS:
            notebook = asset.key.path[-1].removeprefix("unit_")
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
                _say_failure(console, notebook, run)
                return
            seconds = time.monotonic() - started
            (event,) = run.asset_materializations_for_node(asset.node_def.name)
            facts = {name: value.value for name, value in event.metadata.items()}
            status = "found done" if facts["found"] else "done"
            console.print(
                f"  {notebook:<14} {status:<10} {seconds:6.1f} s  {facts['headline']}", soft_wrap=True
            )
            yield (
                notebook,
                status,
                f"{seconds:.1f}",
                f"{facts['rows']:,}",
                str(facts["headline"]),
            )


def _new_table() -> Table:
    table = Table(title="What was done", title_justify="left")
    for name, justify in (
        ("step", "left"),
        ("status", "left"),
        ("seconds", "right"),
        ("rows", "right"),
        ("headline [95 % interval]", "left"),
    ):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    return table


def _say_where(console: Console, workspace_path: str, seconds: float, table: Table) -> None:
    found = sum(cell == "found done" for cell in table.columns[1].cells)
    if found == len(UNITS):
        console.print("Everything was done before; nothing had to run.")
    console.print(f"{len(UNITS)} steps in {seconds:.0f} s; outputs in {_short(workspace_path)}")
    pages = Path(workspace_path) / "pages"
    console.print(f"Pages to read: {_short(str(pages))}/<step>.html", soft_wrap=True)
    console.print(
        f"Runs, metrics and models: {_short(sys.executable).replace('python', 'mlflow')} ui "
        f"--backend-store-uri {default_store(project_root())}",
        soft_wrap=True,
    )


def _say_failure(console: Console, notebook: str, run: dg.ExecuteInProcessResult) -> None:
    for event in run.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            said = failure.user_failure_data
            reason = said.description if said else failure.error and failure.error.to_string()
            console.print(f"error: {reason}", style="red", markup=False, soft_wrap=True)
    console.print(
        f"{notebook} failed; what was done is kept: mend it and run the same command again"
    )


def _short(path: str) -> str:
    """The path relative to the project where it lies inside."""
    root = project_root()
    return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
