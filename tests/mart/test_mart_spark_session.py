"""How Spark is found, started and stopped, and what is said where it cannot be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from marketing_ds._core.errors import MartError, MissingExtra
from marketing_ds.mart import open_mart, verify

pytest.importorskip("pyspark", reason="needs PySpark: make setup-dev")

from pyspark.errors import PySparkRuntimeError

from marketing_ds.mart.engines import spark_session
from marketing_ds.mart.engines.java import check_java
from marketing_ds.mart.engines.spark_session import start_settings
from marketing_ds.mart.workspace import Workspace


@pytest.fixture
def no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spark as if nobody had started it yet."""
    monkeypatch.setattr("marketing_ds.mart.engines.spark_session._active", lambda: None)
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)


def java_saying(folder: Path, text: str, code: int = 0) -> Path:
    """A `java` that answers as told."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{text}' >&2\nexit {code}\n")
    program.chmod(0o755)
    return program


@pytest.mark.usefixtures("no_session")
def test_without_java_nothing_is_started(
    tiny_mart_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MartError, match=r"Java 17 or newer, and none was found; install a Java 17"):
        open_mart(tiny_mart_dir, engine="spark", workspace=tmp_path / "workspace")
    assert not (tmp_path / "workspace").exists()


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        ('openjdk version "11.0.2" 2019-01-15', 0, "is Java 11; install"),
        ('java version "1.8.0_381"', 0, "is Java 8; install"),
        ("Segmentation fault", 139, "does not run; install"),
    ],
)
def test_a_java_that_will_not_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, message: str
) -> None:
    java = java_saying(tmp_path, answer, code)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MartError, match=f"'{java}' {message}"):
        check_java()


@pytest.mark.parametrize("version", ["17.0.15", "21", "25.0.1"])
def test_a_java_that_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    java_saying(tmp_path, f'openjdk version "{version}" 2025-04-15')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    check_java()


def test_a_java_home_without_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MartError, match=f"JAVA_HOME='{tmp_path}', and none is there; install"):
        check_java()


def test_without_pyspark_the_extra_is_named(
    tiny_mart_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(MissingExtra, match=r"PySpark is not installed.*marketing-ds\[spark\]"):
        open_mart(tiny_mart_dir, engine="spark")


def test_an_old_pyspark(tiny_mart_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyspark.__version__", "3.5.1")
    with pytest.raises(MissingExtra, match=r"PySpark 4 or newer \(PySpark 3\.5\.1 is here\)"):
        open_mart(tiny_mart_dir, engine="spark")


def test_spark_connect_is_refused(tiny_mart_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_REMOTE", "sc://localhost")
    with pytest.raises(MartError, match="Spark Connect gives no access to files"):
        open_mart(tiny_mart_dir, engine="spark")


def test_options_come_before_spark_s_configuration_and_that_before_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    monkeypatch.setenv(
        "PYSPARK_SUBMIT_ARGS", "--master yarn --conf spark.ui.enabled=true pyspark-shell"
    )
    (tmp_path / "spark-defaults.conf").write_text("# ours\nspark.driver.memory  3g\n")
    found = start_settings(tmp_path, {"spark.app.name": "mine", "spark.extra": "x"})
    for name in ("spark.master", "spark.ui.enabled", "spark.driver.memory"):
        assert name not in found  # as Spark has it
    assert (found["spark.app.name"], found["spark.extra"]) == ("mine", "x")
    assert found["spark.local.dir"] == str(tmp_path)


class FakeSession:
    """As much of a session as a lease asks for."""

    def __init__(self, context: object) -> None:
        self.sparkContext = context
        self.conf = self
        self.getAll: dict[str, str] = {}
        self.stopped = 0

    def set(self, name: str, value: str) -> None:
        self.getAll[name] = value

    def isModifiable(self, name: str) -> bool:
        return True

    def newSession(self) -> FakeSession:
        return FakeSession(self.sparkContext)

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSession:
    """A Spark that is started by the first lease."""
    session = FakeSession(object())
    active: list[FakeSession] = []

    def start(workspace: Workspace, options: dict[str, str]) -> spark_session._Started:
        active.append(session)
        return spark_session._Started(session, tmp_path / "spill" / "spark")

    monkeypatch.setattr(spark_session, "_active", lambda: active[-1] if active else None)
    monkeypatch.setattr(spark_session, "_start", start)
    monkeypatch.setattr(spark_session, "_started", None)
    return session


def test_the_last_mart_stops_what_the_first_one_started(fake: FakeSession, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    first = spark_session.lease(workspace, {})
    second = spark_session.lease(workspace, {})
    assert first.session is not second.session
    first.end()
    first.end()
    assert fake.stopped == 0
    second.end()
    assert fake.stopped == 1


def test_a_spark_that_the_user_started_meanwhile_is_not_stopped(
    fake: FakeSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = spark_session.lease(Workspace(tmp_path), {})
    monkeypatch.setattr(spark_session, "_active", lambda: FakeSession(object()))
    lease.end()
    assert fake.stopped == 0


def test_a_spark_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Builder:
        def config(self, **settings: object) -> Builder:
            return self

        def getOrCreate(self) -> None:
            raise PySparkRuntimeError(errorClass="JAVA_GATEWAY_EXITED", messageParameters={})

    monkeypatch.setattr(spark_session, "_active", lambda: None)
    monkeypatch.setattr(spark_session, "check_java", lambda: None)
    monkeypatch.setattr("pyspark.sql.SparkSession.builder", Builder())
    (tmp_path / "workspace").mkdir()
    with pytest.raises(MartError, match="could not be started: Java gateway process exited"):
        spark_session.lease(Workspace(tmp_path / "workspace"), {"spark.master": "nonsense"})
    assert list((tmp_path / "workspace" / ".tmp").iterdir()) == []


def test_what_fails_after_spark_has_started_lets_go_of_it(
    tiny_mart_dir: Path, fake: FakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("no connection")

    monkeypatch.setattr("marketing_ds.mart.engines.spark.SparkEngine.__init__", broken)
    with pytest.raises(RuntimeError, match="no connection"):
        open_mart(tiny_mart_dir, engine="spark")
    assert fake.stopped == 1


def test_spark_is_not_loaded_for_duckdb(tiny_mart_dir: Path) -> None:
    code = (
        "import sys, marketing_ds as mds\n"
        f"with mds.open_mart({str(tiny_mart_dir)!r}) as mart: mart.last_date\n"
        "assert not {'pyspark', 'py4j'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.xdist_group("spark")
def test_a_process_that_starts_stops_and_is_killed(tiny_mart_dir: Path, tmp_path: Path) -> None:
    """One process for all of it, since Spark takes seconds to start."""
    try:
        check_java()
    except MartError as error:
        pytest.skip(str(error))
    here, workspace = tmp_path / "here", tmp_path / "workspace"
    here.mkdir()
    workspace.mkdir()
    driver = Path(__file__).with_name("sparking.py")
    done = subprocess.run(
        [sys.executable, str(driver), str(tiny_mart_dir), str(workspace)],
        cwd=here,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == 5, done.stderr
    refused, started, one_closed, both_closed, stopped = told

    assert "Spark could not be started: Java gateway process exited" in refused["refused"]
    assert not refused["runs"]
    assert (started["master"], started["ui"], started["rows"]) == ("local[1]", None, 12)
    assert started["active_sees"] == 0
    assert Path(started["spill"]).is_relative_to(workspace / ".tmp")
    assert one_closed == {"after_one": True, "rows": 12}
    assert both_closed == {"after_both": False, "left": []}
    assert stopped == {"still": True, "rows": 12}
    assert "WARN " not in done.stderr
    assert "pandas" not in done.stderr

    assert done.returncode < 0
    with open_mart(tiny_mart_dir, workspace=workspace) as mart:
        last = mart.latest_publication("segments")
        verify(last)
        assert last.manifest["run_key"] == "good"
        left = [path.name for path in (workspace / ".tmp").iterdir()]
        assert left != []
        chosen = pd.DataFrame({"customer_id": ["c03"]})
        assert not mart.publish("segments", chosen, as_of="2026-06-30", run_key="cut").found
        assert not set(left) & {path.name for path in (workspace / ".tmp").iterdir()}
