"""Setting up: one clear sentence when it cannot be done, nothing done twice."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def make_venv(monkeypatch):
    spec = importlib.util.spec_from_file_location("make_venv", ROOT / "scripts" / "make_venv.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_old_python_is_named(make_venv, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    assert "Python 3.11 or newer is needed" in make_venv.main(tmp_path / "v", "requirements.lock")


def test_a_taken_path_is_named(make_venv, tmp_path):
    (tmp_path / "v").mkdir()
    assert "is not a virtual environment" in make_venv.main(tmp_path / "v", "requirements.lock")


def test_a_full_disk_is_named_before_anything_is_made(make_venv, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 2**30))
    said = make_venv.main(tmp_path / "v", "requirements.lock")
    assert said == f"4 GiB of disk are needed for {tmp_path / 'v'}, 1.0 GiB are free"
    assert not (tmp_path / "v").exists()


def test_a_finished_set_up_is_reused_and_the_larger_one_covers_the_smaller(
    make_venv, tmp_path, monkeypatch
):
    calls = []

    def run(command, check):
        calls.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(make_venv.venv, "create", lambda folder, with_pip: folder.mkdir())
    folder = tmp_path / "v"
    assert make_venv.main(folder, "requirements-dev.lock") is None
    (folder / "pyvenv.cfg").touch()
    assert len(calls) == 2
    assert "--require-hashes" in calls[0]
    assert make_venv.main(folder, "requirements-dev.lock") is None
    assert make_venv.main(folder, "requirements.lock") is None
    assert len(calls) == 2


def test_a_failed_install_is_named_and_tried_again(make_venv, tmp_path, monkeypatch):
    monkeypatch.setattr(
        subprocess, "run", lambda command, check: subprocess.CompletedProcess(command, 1)
    )
    monkeypatch.setattr(make_venv.venv, "create", lambda folder, with_pip: folder.mkdir())
    assert "run the command again" in make_venv.main(tmp_path / "v", "requirements.lock")
    assert not list((tmp_path / "v").glob(".installed*"))


def test_the_locks_pin_everything_with_hashes_and_name_no_host():
    for name in ("requirements.lock", "requirements-dev.lock"):
        lines = (ROOT / name).read_text().splitlines()
        pins = [line for line in lines if line and not line.startswith((" ", "#"))]
        assert len(pins) > 150
        assert all("==" in pin and pin.endswith("\\") for pin in pins)
        assert not any("://" in line or "--index" in line for line in lines if "#" not in line)


def test_make_help_lists_every_command():
    said = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for command in ("help", "run", "test", "lab", "lock", "sample", "clean"):
        assert f"make {command} " in said
