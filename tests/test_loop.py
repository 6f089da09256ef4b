"""The loop closes: on the sample bank through `make run`, and on a real randomised campaign."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import marketing_ds as mds
from marketing_ds.runs import latest_key

ROOT = Path(__file__).parents[1]
STEPS = [path.stem for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
pytestmark = pytest.mark.xdist_group("loop")


def _environment(workspace: Path, store: Path) -> dict[str, str]:
    store.mkdir(exist_ok=True)
    address = f"sqlite:///{store / 'mlflow.db'}"
    return {
        **os.environ,
        "MARKETING_DS_WORKSPACE": str(workspace),
        "MLFLOW_TRACKING_URI": address,
        "COLUMNS": "200",
    }


def _make_run(environment: dict[str, str]) -> str:
    command = ["make", "run", f"VENV={sys.prefix}"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _statuses(said: str) -> dict[str, str]:
    """Step → status, as told while it runs."""
    lines = re.findall(r"^  (\d\d_\w+) +(found done|done) ", said, flags=re.MULTILINE)
    return dict(lines)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("loop")


@pytest.fixture(scope="module")
def killed(place: Path) -> dict[str, str]:
    """A loop that was killed, children and all, as soon as its second step was done."""
    environment = _environment(place / "w", place / "store")
    command = [sys.executable, "-m", "marketing_ds.cli", "loop", "--mart", "data_samples"]
    said = ""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as loop:
        for line in loop.stdout:
            said += line
            if "02_tags" in line:
                os.killpg(loop.pid, signal.SIGKILL)
                break
    return _statuses(said)


@pytest.fixture(scope="module")
def resumed(killed: dict[str, str], place: Path) -> str:
    return _make_run(_environment(place / "w", place / "store"))


@pytest.fixture(scope="module")
def repeated(resumed: str, place: Path) -> str:
    return _make_run(_environment(place / "w", place / "store"))


def test_a_killed_loop_is_picked_up_where_it_was(killed, resumed):
    assert killed == {"01_mart": "done", "02_tags": "done"}
    found = {step: "found done" if step in killed else "done" for step in STEPS}
    assert _statuses(resumed) == found


def test_the_second_run_finds_everything_done_and_says_so(repeated):
    assert _statuses(repeated) == dict.fromkeys(STEPS, "found done")
    assert "Everything was done before; nothing had to run." in repeated


def test_it_ends_with_a_table_and_where_to_look(resumed, place):
    table = resumed[resumed.index("What was done") :]
    for step in STEPS:
        assert re.search(rf"^{step} +(found done|done) +[\d.]+ +[\d,]+  \S", table, re.MULTILINE)
    assert re.search(r"Qini of \w+, .*: [\d.]+ \[[-\d.]+, [\d.]+\]", table)
    assert "mlflow ui --backend-store-uri sqlite:///" in table
    for step in STEPS:
        assert (place / "w" / "pages" / f"{step}.html").is_file()


def test_every_output_is_published(resumed, place):
    with mds.open_mart(ROOT / "data_samples", workspace=place / "w") as mart:
        for table, name, as_of in (
            ("tags", "default", "2026-06-30"),
            ("segments", "mature_affluent", "2026-06-30"),
            ("segments", "lookalike", "2026-06-30"),
            ("scores", "lookalike", "2026-06-30"),
            ("assignments", "lookalike_holdout", "2026-06-30"),
            ("scores", "propensity", "2026-06-30"),
            ("scores", "next_best", "2026-06-30"),
            ("scores", "uplift", "2026-06-30"),
            ("scores", "uplift_held_out", "2026-04-02"),
            ("plans", "K06", "2026-06-30"),
            ("plans", "K06_backtest", "2026-04-02"),
            ("effects", "K06", "2026-06-30"),
        ):
            assert mart.latest_publication(table, name=name, as_of=as_of).rows > 0
        for name in ("propensity", "uplift", "decision"):
            assert mds.newest_bundle(mart, name, as_of="2026-06-30").cases > 20


def test_the_same_inputs_give_the_same_model_and_publication(resumed, place):
    environment = _environment(place / "again", place / "store")
    where = f"workspace_path={place / 'again'}"
    command = [sys.executable, "-m", "marketing_ds.cli", "run", "06_uplift", "-p", where]
    command += ["-p", f"mart_path={ROOT / 'data_samples'}", "-p", "as_of=2026-06-30"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = []
    for workspace in (place / "w", place / "again"):
        with mds.open_mart(ROOT / "data_samples", workspace=workspace) as mart:
            scores = mart.latest_publication("scores", name="uplift_held_out")
            made.append((scores.id, mds.newest_bundle(mart, "uplift").files))
    assert made[0] == made[1]


def test_nobody_is_planned_without_consent(resumed, place):
    with mds.open_mart(ROOT / "data_samples", workspace=place / "w") as mart:
        plan = mart.latest("plans", name="K06").to_pandas()
        customers = mart["customers"].to_pandas().set_index("customer_id")
    who = customers.loc[plan["customer_id"]]
    assert not who["suppressed"].any()
    for channel, rows in plan.groupby("channel"):
        assert who.loc[rows["customer_id"], f"consent_{channel}"].all()


def test_every_step_is_one_mlflow_run_and_models_are_registered(resumed, place):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{place / 'store' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("marketing_ds")
    runs = client.search_runs([experiment.experiment_id])
    assert sorted({run.info.run_name for run in runs}) == STEPS
    keys = [run.data.tags["run_key"] for run in runs]
    assert len(keys) == len(set(keys))
    assert all(run.info.status == "FINISHED" for run in runs)
    models = {model.name for model in client.search_registered_models()}
    assert models == {"propensity", "uplift", "decision"}


def test_pages_show_no_single_customer(resumed, place):
    for page in (place / "w" / "pages").glob("*.html"):
        assert not re.search(r"\bC\d{7}\b", page.read_text(encoding="utf-8")), page.name


def test_the_estimated_value_of_the_plan_covers_its_true_value(resumed, place):
    """The truth of the simulated bank judges 09: its interval must hold the plan's true value."""
    truth = mds.datasets.load_truth(ROOT / "data_samples").outcomes
    truth = truth[truth["campaign_id"] == "K06"].set_index(["customer_id", "arm"])
    with mds.open_mart(ROOT / "data_samples", workspace=place / "w") as mart:
        offers = mart["offers"].filter(mart["offers"].campaign_id == "K06").to_pandas()
        plan = mart.latest("plans", name="K06_backtest").to_pandas()
        scored = mart.latest("scores", name="uplift_held_out").to_pandas()
    ids = scored["customer_id"].unique()
    given = truth.loc[pd.MultiIndex.from_frame(plan[["customer_id", "offer"]])]
    control = truth.loc[[(customer, "control") for customer in plan["customer_id"]]]
    extra = given["expected_converted"].to_numpy() - control["expected_converted"].to_numpy()
    cost = plan["offer"].map(mds.expected_costs(offers)).to_numpy()
    worth = 1000 * (offers["value_cny"].iloc[0] * extra - cost).sum() / len(ids)
    key = latest_key("09_evaluate", place / "w", "2026-06-30")
    file = place / "w" / "runs" / "09_evaluate" / key / "record.json"
    said = json.loads(file.read_text(encoding="utf-8"))["conclusion"]
    assert said["ci_lower"] <= worth <= said["ci_upper"]


@pytest.fixture(scope="module")
def hillstrom(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    place = tmp_path_factory.mktemp("hillstrom")
    environment = _environment(place / "w", place / "store")
    said = ""
    for arguments in (
        ["dataset", "hillstrom", "--out", place / "mart"],
        ["loop", "--mart", place / "mart"],
    ):
        command = [sys.executable, "-m", "marketing_ds.cli", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=place, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        said += done.stdout
    return said, place


def test_hillstrom_reproduces_the_published_rates(hillstrom):
    """MineThatData e-mail test (2008): visit 18.28 / 15.14 / 10.62 %, conversion 0.903 %, spend 1.051."""
    _, place = hillstrom
    with mds.open_mart(place / "mart", workspace=place / "w") as mart:
        effects = mart.latest("effects", name="hillstrom_2008").to_pandas()
    rows = effects.set_index(["metric", "arm"])
    visit = rows.loc["visit"]
    assert visit.loc["mens_email", "mean_arm"] == pytest.approx(0.1828, abs=5e-5)
    assert visit.loc["womens_email", "mean_arm"] == pytest.approx(0.1514, abs=5e-5)
    assert visit.loc["mens_email", "mean_control"] == pytest.approx(0.1062, abs=5e-5)
    for metric, mean in (("conversion", 0.00903), ("spend", 1.051)):
        arms = rows.loc[metric]
        total = (arms["mean_arm"] * arms["n_arm"]).sum()
        total += arms["mean_control"].iloc[0] * arms["n_control"].iloc[0]
        count = arms["n_arm"].sum() + arms["n_control"].iloc[0]
        assert total / count == pytest.approx(mean, rel=5e-4)


def test_hillstrom_values_the_plan_against_its_alternatives(hillstrom):
    said, _ = hillstrom
    table = said[said.index("What the plan is worth") :]
    for policy in (
        "plan",
        "treat no one",
        "treat everyone: mens_email",
        "random, same share as plan",
    ):
        for metric in ("visit", "spend", "net_value_cny"):
            assert re.search(rf"^{metric} +{policy} +[-\d.,]+ \[[-\d.,]+, [-\d.,]+\]", table, re.M)
