"""One Dagster asset for each notebook, partitioned by business date.

An asset only names its notebook, what it reads and how often it runs; the work is in the notebook
and the package. Trained models are used by later days until the weekly run trains new ones.

No ``from __future__ import annotations`` here: Dagster reads the annotations themselves.
"""

from typing import Literal

import dagster as dg

from marketing_ds._core.errors import MarketingError
from marketing_ds.runs import latest_key, run_notebook

# Business dates, not clock dates: history from 1990 on, and marts that run ahead of the clock.
DAYS = dg.DailyPartitionsDefinition(start_date="1990-01-01", end_offset=3660)
RETRY = dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL)

Cadence = Literal["daily", "weekly"]


class Bank(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Which mart to read and where outputs go."""

    mart_path: str
    workspace_path: str


def unit(notebook: str, *, reads: tuple[str, ...], cadence: Cadence) -> dg.AssetsDefinition:
    """The asset of one notebook.

    Parameters
    ----------
    notebook : str
        Its name, e.g. ``02_tags``; the asset is named after it.
    reads : tuple of str
        The notebooks whose outputs it reads.
    cadence : {"daily", "weekly"}
        The job that refreshes it.
    """

    @dg.asset(
        name=asset_name(notebook),
        deps=[asset_name(name) for name in reads],
        partitions_def=DAYS,
        retry_policy=RETRY,
        group_name=cadence,
        tags={"cadence": cadence},
        kinds={"jupyter"},
        description=f"notebooks/{notebook}.ipynb",
    )
    def run_unit(context: dg.AssetExecutionContext, bank: Bank) -> dg.MaterializeResult:
        upstream = [latest_key(name, bank.workspace_path, context.partition_key) for name in reads]
        parameters = {
            "mart_path": bank.mart_path,
            "workspace_path": bank.workspace_path,
            "as_of": context.partition_key,
        }
        try:
            record = run_notebook(notebook, parameters, upstream=[key for key in upstream if key])
        except MarketingError as error:
            # The same code on the same data fails the same way: a person must look, not a retry.
            raise dg.Failure(str(error), allow_retries=False) from error
        done = record.conclusion
        return dg.MaterializeResult(
            metadata={
                "key": record.key,
                "found": record.found,
                "headline": f"{done.headline}: {done.text()}" if done else "",
                "rows": done.rows if done else 0,
                "tables": dg.MetadataValue.json(dict(done.tables) if done else {}),
                "page": dg.MetadataValue.path(str(record.html)),
                "mlflow_run_id": record.mlflow_run_id,
            }
        )

    return run_unit


def asset_name(notebook: str) -> str:
    """The asset's name: Dagster wants a letter first, so ``02_tags`` becomes ``unit_02_tags``."""
    return f"unit_{notebook}"


UNITS = (
    unit("01_mart", reads=(), cadence="daily"),
    unit("02_tags", reads=("01_mart",), cadence="daily"),
    unit("03_profile", reads=("02_tags",), cadence="daily"),
    unit("04_lookalike", reads=("02_tags", "03_profile"), cadence="daily"),
    unit("05_propensity", reads=("02_tags",), cadence="weekly"),
    unit("06_uplift", reads=("02_tags",), cadence="weekly"),
    unit("07_plan", reads=("02_tags", "06_uplift"), cadence="daily"),
    unit("08_bundle", reads=("06_uplift", "07_plan"), cadence="daily"),
    unit("09_evaluate", reads=("06_uplift", "07_plan"), cadence="weekly"),
    unit("10_next_best", reads=("02_tags",), cadence="weekly"),
)
