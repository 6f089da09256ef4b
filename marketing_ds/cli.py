"""The command line: `marketing-ds …`; thin, one function a command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from marketing_ds._core.errors import MarketingError, RunError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The marketing loop of a bank: check a mart, run notebooks, close the loop.",
)

MartFolder = Annotated[Path, typer.Argument(help="Folder (or DuckDB file) that holds the mart.")]
Out = Annotated[Path, typer.Option(help="Folder to write; must not exist yet.")]
Workspace = Annotated[
    Path | None,
    typer.Option(
        help="Where outputs go [default: MARKETING_DS_WORKSPACE, else workspace/<mart's folder>]."
    ),
]


@app.command()
def check(
    mart: MartFolder,
    business_date: Annotated[
        str | None, typer.Option(help="Rows dated later are wrong [default: today].")
    ] = None,
) -> None:
    """List every broken rule of a mart, with count and example keys; exit code 1 if any."""
    from marketing_ds.mart import open_mart

    result = open_mart(mart).check(business_date=business_date)
    for rule in result.broken:
        typer.echo(str(rule))
    if not result.passed:
        typer.echo(f"{len(result.broken)} rule(s) broken in {mart}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{mart}: every rule holds")


@app.command()
def simulate(
    out: Out,
    customers: Annotated[int, typer.Option(min=100, help="Customers.")] = 10_000,
    months: Annotated[int, typer.Option(min=6, help="Months of history.")] = 12,
    seed: Annotated[int, typer.Option(help="Same seed, same content.")] = 7,
    dirty: Annotated[bool, typer.Option("--dirty", help="Plant the faults of real feeds.")] = False,
) -> None:
    """Write a mart that behaves like a retail bank, its true effects in a folder beside it."""
    from marketing_ds.datasets import simulate as write_bank

    bank = write_bank(out, customers=customers, months=months, seed=seed, dirty=dirty)
    typer.echo(bank.to_frame().to_string(index=False))
    typer.echo(f"{out} in {bank.seconds:.0f} s")


@app.command()
def dataset(
    name: Annotated[str, typer.Argument(help="hillstrom, complete_journey or berka.")],
    out: Out,
) -> None:
    """Lay a public data set under the mart's contract."""
    from marketing_ds.datasets import to_mart

    typer.echo(f"{name} is in {to_mart(name, out)}")


@app.command()
def run(
    notebook: Annotated[str, typer.Argument(help="Name of a notebook, or its path.")],
    parameter: Annotated[
        list[str] | None, typer.Option("-p", "--parameter", help="name=value; repeatable.")
    ] = None,
) -> None:
    """Run one notebook with checked parameters as one tracked run."""
    from marketing_ds.runs import run_notebook

    record = run_notebook(notebook, _pairs(parameter or []))
    done = record.conclusion
    typer.echo(f"{record.notebook}: {'found done' if record.found else 'done'}")
    if done is not None:
        typer.echo(f"  {done.headline}: {done.text()}")
    typer.echo(f"  page: {record.html}\n  MLflow run: {record.mlflow_run_id}")


@app.command()
def notebooks() -> None:
    """List the notebooks and the parameters they declare."""
    from marketing_ds.runs import declared_parameters, project_root

    for path in sorted((project_root() / "notebooks").glob("*.ipynb")):
        typer.echo(path.stem)
        for parameter in declared_parameters(path).values():
            default = "required" if parameter.required else repr(parameter.default)
            typer.echo(f"  {parameter.name}: {parameter.type} = {default}  {parameter.help}")


@app.command()
def loop(
    mart: Annotated[Path, typer.Option(help="Folder that holds the mart.")],
    workspace: Workspace = None,
    as_of: Annotated[
        str, typer.Option(help="Business date [default: the last date in the mart].")
    ] = "",
) -> None:
    """Run the whole loop on a mart: what is done is found, what is missing is run."""
    from marketing_ds.runs import project_root, workspace_of

    root = project_root()
    if not (root / "pipelines" / "loop.py").is_file():
        raise RunError(
            f"there is no pipelines/loop.py in {root}; run from a checkout of the project, or set "
            "MARKETING_DS_HOME to one"
        )
    place = workspace or workspace_of(mart)
    # A process of its own: the package must not import its schedule.
    command = [sys.executable, "-m", "pipelines.loop", str(mart.resolve()), str(place.resolve())]
    raise typer.Exit(subprocess.run([*command, as_of], cwd=root, check=False).returncode)


def main() -> NoReturn:
    """Entry point: an expected error is one clear sentence and exit code 1, never a traceback."""
    try:
        app()
    except MarketingError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)
    sys.exit(0)


def _pairs(texts: list[str]) -> dict[str, object]:
    pairs: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise RunError(f"a parameter is given as name=value, got {text!r}")
        pairs[name] = value
    return pairs


if __name__ == "__main__":
    main()
