"""Fixtures that every room may use: a tiny mart by hand, the sample bank, the public data."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import settings

from marketing_ds.schema import CONTACT_CHANNELS, MART

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from marketing_ds.mart import Mart

settings.register_profile("shared machine", deadline=None)  # others may hold it up
settings.load_profile("shared machine")

Rows = list[dict[str, Any]]
ARROW_TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


@pytest.fixture(scope="session")
def write_mart() -> Callable[[Path, dict[str, Rows]], Path]:
    """A function that writes rows under the contract's types: one Parquet file a table."""

    def write(folder: Path, tables: dict[str, Rows]) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in tables.items():
            schema = pa.schema([(c.name, ARROW_TYPES[c.type]) for c in MART[name].columns])
            pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / f"{name}.parquet")
        return folder

    return write


@pytest.fixture
def open_tables(
    tmp_path: Path, write_mart: Callable[[Path, dict[str, Rows]], Path]
) -> Iterator[Callable[[dict[str, Rows]], Mart]]:
    """A function that opens a mart of the given rows."""
    from marketing_ds.mart import open_mart

    opened: list[Mart] = []

    def open_them(tables: dict[str, Rows]) -> Mart:
        number = len(opened)
        folder = write_mart(tmp_path / f"mart_{number}", tables)
        opened.append(open_mart(folder, workspace=tmp_path / f"workspace_{number}"))
        return opened[-1]

    yield open_them
    for mart in opened:
        mart.close()


@pytest.fixture
def tiny_tables() -> dict[str, Rows]:
    """The tiny mart as rows, to be changed and written by a test.

    Twelve customers, month ends April to June 2026; `c10` gives no consent to SMS, `c11` opened
    late (15 June), `c12` is suppressed. Campaign `K1` is randomised (control, coupon, message),
    `K2` is not. `customer_attributes` and `campaign_outcomes` are absent.
    """
    return _tiny_tables()


@pytest.fixture(scope="session")
def tiny_mart_dir(
    tmp_path_factory: pytest.TempPathFactory, write_mart: Callable[[Path, dict[str, Rows]], Path]
) -> Path:
    """The folder of the tiny mart (see `tiny_tables`); read only."""
    return write_mart(tmp_path_factory.mktemp("tiny") / "mart", _tiny_tables())


@pytest.fixture
def tiny_mart(tiny_mart_dir: Path, tmp_path: Path) -> Iterator[Mart]:
    """The tiny mart, opened with a workspace of its own."""
    from marketing_ds.mart import open_mart

    with open_mart(tiny_mart_dir, workspace=tmp_path / "workspace") as mart:
        yield mart


@pytest.fixture(scope="session")
def spark_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A small Spark that every mart of the tests joins: one a process, since it starts slowly."""
    sql = pytest.importorskip("pyspark.sql", reason="needs PySpark: make setup-dev")
    from marketing_ds._core.errors import MartError
    from marketing_ds.mart.engines.java import check_java
    from marketing_ds.mart.engines.spark_session import pandas_3_allowed

    try:
        check_java()
    except MartError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("spark")
    settings = {
        "spark.driver.memory": "1g",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
        # Small tables: one partition, and no time spent on planning twice or on compiling.
        "spark.sql.shuffle.partitions": "1",
        "spark.default.parallelism": "1",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }
    with pandas_3_allowed():
        session = sql.SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    yield session
    session.stop()


@pytest.fixture(params=["duckdb", "spark"])
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine in turn, ready to be used; Spark is left out where there is no Java."""
    name: str = request.param
    if name == "spark":
        request.getfixturevalue("spark_session")
    return name


@pytest.fixture
def engine_mart(engine: str, tiny_mart_dir: Path, tmp_path: Path) -> Iterator[Mart]:
    """The tiny mart on each engine in turn, opened with a workspace of its own."""
    from marketing_ds.mart import open_mart

    with open_mart(tiny_mart_dir, engine=engine, workspace=tmp_path / "workspace") as mart:
        yield mart


@pytest.fixture
def spark_mart(spark_session: SparkSession, tiny_mart_dir: Path, tmp_path: Path) -> Iterator[Mart]:
    """The tiny mart on Spark alone, for what DuckDB has no part in."""
    from marketing_ds.mart import open_mart

    with open_mart(tiny_mart_dir, engine="spark", workspace=tmp_path / "workspace") as mart:
        yield mart


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that use Spark on one worker: only one has to start it."""
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        names = getattr(item, "fixturenames", ())
        if params.get("engine") == "spark" or "spark_session" in names:
            item.add_marker(pytest.mark.xdist_group("spark"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The public data sets, named by MARKETING_DS_DATA."""
    folder = os.environ.get("MARKETING_DS_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs the public data sets: set MARKETING_DS_DATA to their folder")
    return Path(folder)


@pytest.fixture(scope="session")
def sample_dir() -> Path:
    """The simulated bank that the repository carries."""
    folder = Path(__file__).parents[1] / "data_samples"
    if not (folder / "customers.parquet").exists() and not (folder / "customers").exists():
        pytest.skip("needs the sample bank in data_samples: make sample")
    return folder


@pytest.fixture(scope="session")
def sample_mart(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mart]:
    """The simulated bank, opened once; its workspace is thrown away."""
    from marketing_ds.mart import open_mart

    with open_mart(sample_dir, workspace=tmp_path_factory.mktemp("sample_workspace")) as mart:
        yield mart


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its tables made: making them takes seconds, copying does not."""
    from mlflow import MlflowClient

    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def own_store(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An MLflow store of the test's own, set through MLflow's own variable."""
    store = tmp_path / "store"
    store.mkdir()
    shutil.copy(empty_store, store / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store / 'mlflow.db'}")
    return store


_CUSTOMERS = [f"c{n:02d}" for n in range(1, 13)]
_ARMS = ("control", "coupon", "message")
_MONTH_ENDS = (dt.date(2026, 4, 30), dt.date(2026, 5, 31), dt.date(2026, 6, 30))


def _at(month: int, day: int, hour: int = 9, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, minute)


def _tiny_tables() -> dict[str, Rows]:
    return {
        "customers": [_customer(n, customer) for n, customer in enumerate(_CUSTOMERS, start=1)],
        "products": [
            _product("P-DEP", "Demand deposit", "deposit", 1, 0.015),
            _product("P-WEA", "Wealth 90 days", "wealth", 2, 0.008),
            _product("P-FUN", "Index fund", "fund", 4, 0.012),
            _product("P-CAR", "Gold card", "card", None, None),
        ],
        "holdings": _holdings(),
        "transactions": _transactions(),
        "events": _events(),
        "campaigns": [
            _campaign("K1", "P-FUN", dt.date(2026, 5, 4), dt.date(2026, 5, 10), 14, True),
            _campaign("K2", "P-WEA", dt.date(2026, 6, 1), dt.date(2026, 6, 5), 10, False),
        ],
        "benefits": [
            {
                "benefit_id": "B1",
                "title": "20 CNY coupon",
                "kind": "coupon",
                "face_value_cny": 20.0,
                "cost_cny": 18.0,
                "stock": 100,
                "valid_days": 30,
            }
        ],
        "offers": [
            _offer("K1", "coupon", "sms", benefit="B1", benefit_cost=18.0, redeem_rate=0.4),
            _offer("K1", "message", "app"),
            _offer("K2", "call", "phone", contact_cost=8.0),
        ],
        "assignments": _assignments(),
        "contacts": _contacts(),
        "benefit_grants": [
            _grant("G1", "c02", redeemed=_at(5, 8), reversed_=None, cost=18.0),
            _grant("G2", "c05", redeemed=_at(5, 9), reversed_=_at(5, 12), cost=0.0),
            _grant("G3", "c08", redeemed=None, reversed_=None, cost=0.0),
        ],
    }


def _customer(n: int, customer: str) -> dict[str, Any]:
    row = {
        "customer_id": customer,
        "opened_on": dt.date(2026, 6, 15) if customer == "c11" else dt.date(2020 + n % 6, n, n),
        "birth_year": 1950 + 4 * n if n != 7 else None,
        "gender": ("F", "M", None)[n % 3],
        "region": ("Shanghai", "Chengdu")[n % 2],
        "branch_id": f"BR{n % 3}",
        "manager_id": "M1" if n <= 3 else None,
        "occupation": ("teacher", "engineer", "retired")[n % 3],
        "risk_level": 1 + n % 5,
        "suppressed": customer == "c12",
    }
    consents = {f"consent_{c}": not (c == "sms" and customer == "c10") for c in CONTACT_CHANNELS}
    return row | consents


def _product(
    product: str, name: str, category: str, risk: int | None, margin: float | None
) -> dict[str, Any]:
    return {
        "product_id": product,
        "name": name,
        "category": category,
        "risk_level": risk,
        "launched_on": dt.date(2020, 1, 1),
        "margin_rate": margin,
    }


def _campaign(
    campaign: str, product: str, starts: dt.date, ends: dt.date, days: int, randomised: bool
) -> dict[str, Any]:
    return {
        "campaign_id": campaign,
        "name": f"Campaign {campaign}",
        "product_id": product,
        "objective": "converted",
        "starts_on": starts,
        "ends_on": ends,
        "attribution_days": days,
        "budget_cny": 1000.0,
        "target": 10.0,
        "randomised": randomised,
    }


def _offer(
    campaign: str,
    offer: str,
    channel: str,
    *,
    benefit: str | None = None,
    benefit_cost: float = 0.0,
    redeem_rate: float = 0.0,
    contact_cost: float = 0.05,
) -> dict[str, Any]:
    return {
        "campaign_id": campaign,
        "offer": offer,
        "title": offer.title(),
        "benefit_id": benefit,
        "channel": channel,
        "contact_cost_cny": contact_cost,
        "benefit_cost_cny": benefit_cost,
        "redeem_rate": redeem_rate,
        "value_cny": 120.0,
    }


def _holdings() -> Rows:
    """Everyone open has a deposit that grows by 10 % a month; every third also a fund."""
    rows: Rows = []
    for month, date in enumerate(_MONTH_ENDS):
        for n, customer in enumerate(_CUSTOMERS, start=1):
            if customer == "c11" and date < dt.date(2026, 6, 15):
                continue
            held = [("P-DEP", 1000.0 * n)] + ([("P-FUN", 5000.0)] if n % 3 == 0 else [])
            rows += [
                {
                    "customer_id": customer,
                    "product_id": product,
                    "snapshot_date": date,
                    "balance_cny": round(start * 1.1**month, 2),
                    "matures_on": None,
                }
                for product, start in held
            ]
    return rows


def _transactions() -> Rows:
    """Salaries on the 10th; fund purchases of K1 on both sides of its 14 days; wealth of K2."""
    moves: list[tuple[str, str | None, dt.datetime, str, float]] = [
        (customer, "P-DEP", _at(month, 10), "salary", 8000.0)
        for month in (4, 5, 6)
        for customer in _CUSTOMERS[:6]
    ]
    moves += [
        ("c02", "P-FUN", _at(5, 4, 9), "purchase", 500.0),  # at the very moment of assignment
        ("c02", "P-FUN", _at(5, 8), "purchase", 700.0),
        ("c03", "P-FUN", _at(5, 6), "purchase", 300.0),
        ("c04", "P-FUN", _at(5, 18, 8, 59), "purchase", 400.0),  # the last minute inside
        ("c05", "P-FUN", _at(5, 18, 9), "purchase", 900.0),  # the first minute outside
        ("c06", "P-FUN", _at(5, 3), "purchase", 100.0),  # the day before
        ("c01", "P-WEA", _at(6, 4), "purchase", 2000.0),
        ("c07", None, _at(6, 20), "payment", 35.5),
    ]
    return [
        {
            "transaction_id": f"T{n:03d}",
            "customer_id": customer,
            "product_id": product,
            "occurred_at": moment,
            "recorded_on": moment.date(),
            "kind": kind,
            "amount_cny": amount,
            "channel": "app",
        }
        for n, (customer, product, moment, kind, amount) in enumerate(moves, start=1)
    ]


def _events() -> Rows:
    kinds = ("launch", "view", "click")
    return [
        {
            "event_id": f"E{n:03d}",
            "customer_id": _CUSTOMERS[n % 9],
            "occurred_at": _at(4 + n % 3, 1 + n % 28, 8 + n % 12, n),
            "recorded_on": _at(4 + n % 3, 1 + n % 28).date(),
            "channel": "app",
            "session_id": f"S{n // 3:03d}",
            "event": kinds[n % 3],
            "page": ("fund", "wealth", None)[n % 3],
            "campaign_id": None,
            "duration_s": float(n),
        }
        for n in range(36)
    ]


def _assignments() -> Rows:
    drawn: Rows = [
        {
            "customer_id": customer,
            "campaign_id": "K1",
            "arm": _ARMS[n % 3],
            "probability": 1 / 3,
            "assigned_at": _at(5, 4),
        }
        for n, customer in enumerate(_CUSTOMERS[:9])
    ]
    chosen: Rows = [
        {
            "customer_id": customer,
            "campaign_id": "K2",
            "arm": "call" if n < 4 else "control",
            "probability": None,
            "assigned_at": _at(6, 1),
        }
        for n, customer in enumerate(_CUSTOMERS[:6])
    ]
    return drawn + chosen


def _contacts() -> Rows:
    rows: Rows = []
    for assigned in _assignments():
        if assigned["arm"] == "control":
            continue
        n = len(rows) + 1
        sent = assigned["assigned_at"] + dt.timedelta(hours=1)
        opened = sent + dt.timedelta(hours=2) if n % 2 else None
        rows.append(
            {
                "contact_id": f"N{n:02d}",
                "customer_id": assigned["customer_id"],
                "campaign_id": assigned["campaign_id"],
                "channel": {"coupon": "sms", "message": "app", "call": "phone"}[assigned["arm"]],
                "sent_at": sent,
                "opened_at": opened,
                "clicked_at": opened + dt.timedelta(minutes=1) if opened and n % 3 else None,
                "cost_cny": 8.0 if assigned["arm"] == "call" else 0.05,
            }
        )
    return rows


def _grant(
    grant: str,
    customer: str,
    *,
    redeemed: dt.datetime | None,
    reversed_: dt.datetime | None,
    cost: float,
) -> dict[str, Any]:
    return {
        "grant_id": grant,
        "benefit_id": "B1",
        "customer_id": customer,
        "campaign_id": "K1",
        "granted_at": _at(5, 4, 10),
        "redeemed_at": redeemed,
        "reversed_at": reversed_,
        "cost_cny": cost,
    }
