"""Spark sessions: one of each mart's own, on the Spark that is there or on one started here."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import shutil
import threading
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marketing_ds._core.errors import InvalidInput, MartError, MissingExtra

from ..workspace import Workspace
from .java import check_java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_NEEDED = 4
_SETTINGS = {
    # Moments are local times without a zone; where Spark wants one, UTC leaves them as they are.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    # Files of pandas hold nanoseconds, which Spark reads only as whole numbers.
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    # What cannot be converted or read is an error, as on DuckDB.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.csv.parser.columnPruning.enabled": "false",
    # Folders `key=value` are columns of text; the contract then types them.
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
"""What the answers depend on: set in each mart's own session, never in the user's."""

# Errors come to Python as exceptions.
_QUIET = """\
rootLogger.level = off
rootLogger.appenderRef.stderr.ref = stderr
logger.shell.name = org.apache.spark.api.python.PythonGatewayServer
logger.shell.level = off
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex
"""

_lock = threading.Lock()


@dataclass
class _Started:
    """The Spark that this package started, and how many marts use it."""

    session: SparkSession
    folder: Path
    users: int = 0


_started: _Started | None = None


@dataclass
class Lease:
    """A mart's own session; its settings and views are seen by nobody else."""

    session: SparkSession
    _started: _Started | None

    def end(self) -> None:
        """Stop Spark if it was started here and no other mart uses it."""
        global _started
        with _lock:
            ours, self._started = self._started, None
            if ours is None:
                return
            ours.users -= 1
            if ours.users:
                return
            active = _active()
            # Unless the user stopped it, and perhaps started another one.
            if active is not None and active.sparkContext is ours.session.sparkContext:
                ours.session.stop()
            _remove(ours.folder)
            _started = None if _started is ours else _started


def lease(workspace: Workspace, options: Mapping[str, Any]) -> Lease:
    """A session for one mart: on the active Spark if there is one, else on a new one.

    Raises
    ------
    MissingExtra
        If PySpark is not installed, or is too old.
    MartError
        If Spark cannot be started.
    InvalidInput
        If an option cannot be set.
    """
    global _started
    _check_pyspark()
    given = {name: _text(value) for name, value in options.items()}
    fixed = sorted(_SETTINGS.keys() & given.keys())
    if fixed:
        raise InvalidInput(f"options must leave {fixed[0]} alone: equal answers depend on it")
    with _lock, pandas_3_allowed():
        active = _active()
        if active is None:
            _started = _start(workspace, given)
            own = _started.session.newSession()
        else:
            own = active.newSession()
            _take_over(active, own, given)
        for name, value in _SETTINGS.items():
            own.conf.set(name, value)
        ours = _started
        if ours is None or ours.session.sparkContext is not own.sparkContext:
            return Lease(own, None)
        ours.users += 1
        return Lease(own, ours)


@contextlib.contextmanager
def pandas_3_allowed() -> Iterator[None]:
    """PySpark warns of pandas 3 wherever it might meet it; results come as Arrow here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
        yield


def _check_pyspark() -> None:
    try:
        import pyspark
        from pyspark.sql.utils import is_remote
    except ImportError as error:
        raise MissingExtra("PySpark", "spark") from error
    if int(pyspark.__version__.split(".")[0]) < _NEEDED:
        found = f"PySpark {_NEEDED} or newer (PySpark {pyspark.__version__} is here)"
        raise MissingExtra(found, "spark")
    if is_remote() or "SPARK_REMOTE" in os.environ:
        raise MartError(
            "Spark Connect gives no access to files; use a classic session: unset SPARK_REMOTE "
            "and SPARK_CONNECT_MODE_ENABLED, and name the cluster with spark.master"
        )


def _active() -> SparkSession | None:
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    try:
        return SparkSession.active()
    except PySparkRuntimeError:  # neither active nor default
        return None


def _take_over(active: SparkSession, own: SparkSession, options: Mapping[str, str]) -> None:
    """Set in a mart's own session what the user set in the active one, and the options."""
    from pyspark.errors import PySparkException

    for name, value in active.conf.getAll.items():
        if own.conf.isModifiable(name):
            own.conf.set(name, value)
    for name, value in options.items():
        try:
            own.conf.set(name, value)
        except PySparkException as error:
            raise InvalidInput(
                f"options must be settings of a running session, since Spark runs already, got "
                f"{name!r}; set it where that Spark is started, or stop it first"
            ) from error


def _start(workspace: Workspace, options: Mapping[str, str]) -> _Started:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    if "PYSPARK_GATEWAY_PORT" not in os.environ:  # else a JVM runs already
        check_java()
    folder = workspace.spill() / f"spark-{secrets.token_hex(4)}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        builder = SparkSession.builder.config(map=dict(start_settings(folder, options)))
        return _Started(builder.getOrCreate(), folder)
    except (PySparkException, Py4JError) as error:
        _remove(folder)
        words = re.search(r"(?:Exception: |\] )(.+)", str(error))
        raise MartError(
            f"Spark could not be started: {words[1] if words else error} What Java itself said of "
            "it stands in the output of this process; look at `options` and Spark's configuration"
        ) from error


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # others may still use it
        folder.parent.rmdir()


def start_settings(folder: Path, options: Mapping[str, str]) -> dict[str, str]:
    """What Spark is started with: whatever is left open suits one machine.

    Parameters
    ----------
    folder : Path
        Where Spark may put what does not fit in memory.
    options : mapping
        What the user asks for; it comes before Spark's own configuration.
    """
    quiet = folder / "log4j2.properties"
    quiet.write_text(_QUIET)
    defaults = {
        "spark.master": "local[*]",
        "spark.app.name": "marketing_ds",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.defaultJavaOptions": f'"-Dlog4j2.configurationFile={quiet.as_uri()}"',
        "spark.driver.memory": f"{_half_of_memory_mib()}m",
        "spark.driver.maxResultSize": "0",  # results are bounded by memory alone, as on DuckDB
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        # Spark's own 200 suit a cluster.
        "spark.sql.shuffle.partitions": str(max(8, 4 * (os.cpu_count() or 1))),
        # The first million of an order: else each task keeps a queue of a million.
        "spark.sql.execution.topKSortFallbackThreshold": "100000",
        # What fits in memory is joined by hash, not sorted first.
        "spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold": "64m",
    }
    configured = _configured()
    return {k: v for k, v in defaults.items() if k not in configured} | dict(options)


def _half_of_memory_mib() -> int:
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 / 2**20)


_FLAGS = {
    "--master": "spark.master",
    "--driver-memory": "spark.driver.memory",
    "--name": "spark.app.name",
}


def _configured() -> set[str]:
    """Names of what Spark's own configuration sets: `spark-defaults.conf`, PYSPARK_SUBMIT_ARGS."""
    import pyspark

    home = os.environ.get("SPARK_HOME") or str(Path(pyspark.__file__).parent)
    file = Path(os.environ.get("SPARK_CONF_DIR") or f"{home}/conf") / "spark-defaults.conf"
    names = re.findall(r"^\s*(spark\.[^\s=:]+)", file.read_text(), re.M) if file.is_file() else []
    for argument in shlex.split(os.environ.get("PYSPARK_SUBMIT_ARGS", "")):
        name = argument.removeprefix("--conf=").split("=")[0]
        names.append(_FLAGS.get(name, name))
    return set(names)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
