"""Every command and every example in the README is run, here or by the test named beside it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
# Commands that other tests run, on the very same arguments or on the sample bank for MART.
ELSEWHERE = {
    "make run": "test_loop",
    "make test": "this very run",
    ".venv/bin/marketing-ds loop --mart MART": "test_loop",
    ".venv/bin/marketing-ds dataset hillstrom --out marts/hillstrom": "test_loop",
    ".venv/bin/marketing-ds loop --mart marts/hillstrom": "test_loop",
}
SERVER = "dagster dev"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


COMMANDS = [
    line.strip()
    for block in _blocks("console")
    for line in block.replace("\\\n", " ").splitlines()
    if line.strip()
]
HERE = [c for c in COMMANDS if c not in ELSEWHERE and SERVER not in c]


def _environment(tmp_path: Path) -> dict[str, str]:
    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    return {
        **os.environ,
        "MLFLOW_TRACKING_URI": address,
        "MARKETING_DS_WORKSPACE": str(tmp_path / "w"),
    }


def _made_runnable(command: str, tmp_path: Path) -> str:
    """The command with this environment's programs, the sample bank, and a smaller bank."""
    command = command.replace(".venv/bin/", f"{BIN}/").replace("MART", "data_samples")
    command = command.replace("--customers 200000", "--customers 400")
    command = command.replace("--out marts/", f"--out {tmp_path}/")
    if " run " in command:
        command += f" -p workspace_path={tmp_path / 'w'}"
    return command


def test_the_commands_known_elsewhere_are_still_in_the_readme():
    assert set(ELSEWHERE) <= set(COMMANDS)
    assert sum(SERVER in command for command in COMMANDS) == 1


@pytest.mark.parametrize("command", HERE)
def test_a_command_of_the_readme_works(command, tmp_path):
    done = subprocess.run(
        _made_runnable(command, tmp_path),
        shell=True,
        cwd=ROOT,
        env=_environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _said(example, folder):
    """What an example of the README prints, run in a folder that has nothing but the sample."""
    (folder / "data_samples").symlink_to(ROOT / "data_samples")
    done = subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", "-c", example],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_example_works(tmp_path):
    said = _said(_blocks("python")[0], tmp_path)
    assert re.search(r"^\d+ customers$", said, flags=re.MULTILINE)
    assert "coupon_68" in said


def test_the_example_of_tags_and_audiences_works(tmp_path):
    said = _said(_blocks("python")[1], tmp_path)
    assert "control" in said
    assert "客群画像" in (tmp_path / "loyal.html").read_text()


def test_the_example_of_a_lookalike_works(tmp_path):
    said = _said(_blocks("python")[2], tmp_path)
    assert 0.7 < float(said.splitlines()[0]) < 0.9
    assert "Nearest seeds: C" in said


def test_the_example_of_propensity_works(tmp_path):
    said = _said(_blocks("python")[3], tmp_path)
    assert "auc" in said
    assert re.search(r"\['.+'.*\]", said)  # reasons in words


def test_the_example_of_uplift_works(tmp_path):
    said = _said(_blocks("python")[4], tmp_path)
    assert said.startswith("True\n")
    assert re.search(r"'coupon_68'.*treat", said)
    assert re.search(r"control +\d+", said)  # how many should be left alone


def test_the_example_of_evaluation_works(tmp_path):
    said = _said(_blocks("python")[5], tmp_path)
    assert re.match(r"The campaign brought back ¥[\d.]+ per yuan spent", said)
    assert "sample ratio" in said
    assert "下结论之前的检查" in (tmp_path / "k06.html").read_text(encoding="utf-8")


def test_the_schedule_can_be_served(tmp_path):
    (command,) = [c for c in COMMANDS if SERVER in c]
    command = command.replace(".venv/bin/", f"{BIN}/") + " --port 0"
    said = ""
    with subprocess.Popen(
        command,
        shell=True,
        cwd=ROOT,
        env={**os.environ, "DAGSTER_HOME": str(tmp_path), "DAGSTER_DISABLE_TELEMETRY": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as server:
        for line in server.stdout:
            said += line
            if "Serving dagster-webserver" in line or "Error" in line:
                break
        os.killpg(server.pid, signal.SIGKILL)
    assert "Serving dagster-webserver" in said, said


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\((?!http)([^)#]+)\)", README))))
def test_a_link_of_the_readme_leads_somewhere(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("path", re.findall(r"^\| `([\w/]+)/` \|", README, flags=re.MULTILINE))
def test_a_folder_of_the_readme_is_there(path):
    assert (ROOT / path).is_dir() or path == "workspace"
