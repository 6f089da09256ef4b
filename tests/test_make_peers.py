"""The peers' environment: made on top of ours, nothing done twice."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def make_peers():
    spec = importlib.util.spec_from_file_location("make_peers", ROOT / "scripts" / "make_peers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pip(monkeypatch):
    """Calls of pip, recorded in place of being made; the list's first item is the return code."""
    real, calls = subprocess.run, [0]

    def run(command, **options):
        if "install" not in command:
            return real(command, **options)
        calls.append(command)
        return subprocess.CompletedProcess(command, calls[0])

    monkeypatch.setattr(subprocess, "run", run)
    return calls


def test_it_sees_our_packages_and_installs_only_the_peers(make_peers, pip, tmp_path):
    assert make_peers.main(tmp_path) is None
    (command,) = pip[1:]
    assert {"--no-deps", "--require-hashes"} < set(command)
    found = list((tmp_path / "peers").rglob("ours.pth"))
    assert [path.read_text("utf-8").strip() for path in found] == [sysconfig.get_path("purelib")]


def test_a_finished_environment_is_kept(make_peers, pip, tmp_path):
    assert make_peers.main(tmp_path) is None
    assert make_peers.main(tmp_path) is None
    assert len(pip) == 2
    stamp = tmp_path / "peers" / ".installed"
    assert stamp.read_text("utf-8") == hashlib.sha256(make_peers.LOCK.read_bytes()).hexdigest()


def test_a_failed_installation_is_said_and_tried_again(make_peers, pip, tmp_path):
    pip[0] = 1
    assert "installing requirements-peers.lock failed" in make_peers.main(tmp_path)
    pip[0] = 0
    assert make_peers.main(tmp_path) is None
    assert len(pip) == 3


def test_another_python_is_refused(make_peers, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    assert "run this with the environment's own Python" in make_peers.main(tmp_path)


def test_the_lock_holds_the_versions_that_made_the_reference(make_peers):
    lock = make_peers.LOCK.read_text("utf-8")
    made = json.loads((ROOT / "tests/reference/uplift_metrics.json").read_text("utf-8"))["versions"]
    for package in ("scikit-uplift", "causalml", "econml"):
        assert f"\n{package}=={made[package]} \\\n" in lock
