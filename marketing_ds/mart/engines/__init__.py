"""The engines that run a mart's queries: DuckDB in this process, Spark beyond one machine."""

from __future__ import annotations

from collections.abc import Mapping

from marketing_ds._core.checks import check_choice

from ..workspace import Workspace
from .base import PART, BatchFunction, Engine
from .streaming import record_batches

ENGINES = ("duckdb", "spark")

__all__ = ["ENGINES", "PART", "BatchFunction", "Engine", "connect", "record_batches"]


def connect(engine: str, workspace: Workspace, options: Mapping[str, str] | None) -> Engine:
    """A new connection to an engine.

    Raises
    ------
    InvalidInput
        If there is no such engine, or an option cannot be set.
    MissingExtra
        If PySpark is not installed, or is too old.
    MartError
        If Spark cannot start, for want of Java 17.
    """
    if check_choice("engine", engine, ENGINES) == "duckdb":
        from .duck import DuckEngine

        return DuckEngine(workspace, options or {})
    from .spark_session import lease

    leased = lease(workspace, options or {})
    try:
        from .spark import SparkEngine

        return SparkEngine(leased, workspace)
    except BaseException:
        leased.end()
        raise
