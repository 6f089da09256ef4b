"""A driver for test_mart_spark_session: a process that starts Spark for itself, and is killed.

    python sparking.py MART WORKSPACE

Prints one JSON object a line.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark import SparkContext
from pyspark.sql import SparkSession

from marketing_ds._core.errors import MartError
from marketing_ds.mart import Mart, open_mart
from marketing_ds.mart.engines import spark_files

MART, WORKSPACE = Path(sys.argv[1]), Path(sys.argv[2])
SETTINGS = {
    "spark.master": "local[1]",
    "spark.sql.shuffle.partitions": 1,
    "spark.sql.adaptive.enabled": False,
    "spark.sql.codegen.wholeStage": False,
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


def tell(**facts: Any) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def mart(**options: Any) -> Mart:
    return open_mart(MART, engine="spark", workspace=WORKSPACE, options=options or SETTINGS)


def runs() -> bool:
    return SparkContext._active_spark_context is not None


def refused() -> None:
    try:
        mart(**{"spark.master": "nonsense"})
    except MartError as error:
        tell(refused=str(error), runs=runs())


def shared() -> None:
    """The first mart starts Spark, the second joins, and the last to close stops it."""
    first = mart()
    second = mart(**{"spark.sql.shuffle.partitions": 2})
    session = SparkSession.getActiveSession()
    assert session is not None
    tell(
        master=session.sparkContext.master,
        ui=session.sparkContext.uiWebUrl,
        rows=second["customers"].count().to_pyarrow().as_py(),
        active_sees=session.sql("SHOW VIEWS").count(),
        spill=session.conf.get("spark.local.dir"),
    )
    second.close()
    second.close()
    tell(after_one=runs(), rows=first["customers"].count().to_pyarrow().as_py())
    first.close()
    tell(after_both=runs(), left=os.listdir())


def stopped_by_the_user() -> None:
    one = mart()
    session = SparkSession.getActiveSession()
    assert session is not None
    session.stop()
    two = mart()
    one.close()
    tell(still=runs(), rows=two["customers"].count().to_pyarrow().as_py())
    two.close()


def killed() -> None:
    """The data are written, the publication is not yet in place."""

    def publish(key: str) -> None:
        ids = pd.DataFrame({"customer_id": ["c01", "c02"]})
        one.publish("segments", ids, as_of="2026-06-30", run_key=key)

    def cut(*arguments: Any) -> None:
        write(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    one = mart()
    publish("good")
    write, spark_files._write = spark_files._write, cut
    publish("cut")


refused()
shared()
stopped_by_the_user()
killed()
