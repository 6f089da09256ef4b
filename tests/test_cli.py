"""The command line: thin, and an expected error is one sentence and exit code 1."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from marketing_ds import cli
from marketing_ds._core.errors import RunError


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(a) for a in arguments], catch_exceptions=True)


def test_check_of_a_sound_mart_says_so(tiny_mart_dir):
    done = _run("check", tiny_mart_dir, "--business-date", "2026-06-30")
    assert done.exit_code == 0
    assert "every rule holds" in done.stdout


def test_check_lists_every_broken_rule_and_ends_with_one(
    tiny_tables, write_mart: Callable[..., Path], tmp_path
):
    tiny_tables["transactions"][0]["amount_cny"] = -5.0
    tiny_tables["events"][1]["event_id"] = tiny_tables["events"][0]["event_id"]
    done = _run("check", write_mart(tmp_path / "m", tiny_tables), "--business-date", "2026-06-30")
    assert done.exit_code == 1
    (amount,) = [line for line in done.stdout.splitlines() if "amount_cny" in line]
    assert "transactions" in amount
    assert "T001" in amount
    assert any("event_id" in line and "events" in line for line in done.stdout.splitlines())
    assert "2 rule(s) broken" in done.stderr


def test_simulate_writes_a_bank_and_refuses_a_taken_folder(tmp_path):
    out = tmp_path / "bank"
    arguments = ("simulate", "--customers", 300, "--months", 6, "--seed", 1, "--out", out)
    assert _run(*arguments).exit_code == 0
    assert (out / "customers").exists() or (out / "customers.parquet").exists()
    again = _run(*arguments)
    assert again.exit_code == 1
    assert str(out) in str(again.exception)


def test_dataset_names_those_there_are(tmp_path):
    done = _run("dataset", "hilstrom", "--out", tmp_path / "x")
    assert "hillstrom" in str(done.exception)
    assert not (tmp_path / "x").exists()


def test_dataset_lays_hillstrom_under_the_contract(tmp_path, data_dir):
    assert _run("dataset", "hillstrom", "--out", tmp_path / "h").exit_code == 0
    assert _run("check", tmp_path / "h").exit_code == 0


def test_run_refuses_a_misspelt_parameter():
    done = _run("run", "02_tags", "-p", "mart_pat=x")
    assert isinstance(done.exception, RunError)
    assert "did you mean 'mart_path'" in str(done.exception)


def test_run_refuses_a_parameter_without_a_value():
    assert "name=value" in str(_run("run", "02_tags", "-p", "mart_path").exception)


def test_a_mart_that_breaks_its_contract_is_not_run(tiny_tables, write_mart, tmp_path):
    tiny_tables["transactions"][0]["amount_cny"] = -5.0
    mart = write_mart(tmp_path / "m", tiny_tables)
    place = tmp_path / "w"
    done = _run("run", "02_tags", "-p", f"mart_path={mart}", "-p", f"workspace_path={place}")
    assert "breaks 1 rule(s) of its contract" in str(done.exception)
    assert not list(place.rglob("*.ipynb"))


def test_notebooks_lists_names_types_and_defaults():
    said = _run("notebooks").stdout
    assert "09_evaluate" in said
    assert "size: int = 500  customers to add" in said


def test_loop_outside_a_checkout_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("MARKETING_DS_HOME", str(tmp_path))
    done = _run("loop", "--mart", tmp_path)
    assert "MARKETING_DS_HOME" in str(done.exception)


@pytest.mark.parametrize(("arguments", "code"), [(["check", "nowhere"], 1), (["--help"], 0)])
def test_main_turns_errors_into_a_sentence(monkeypatch, capsys, arguments, code):
    monkeypatch.setattr(sys, "argv", ["marketing-ds", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    if code:
        said = capsys.readouterr().err
        assert said.startswith("error: there is no mart at")
        assert "Traceback" not in said
