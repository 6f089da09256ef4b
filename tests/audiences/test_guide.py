"""The page on choosing customers: its example runs, its rules and its names are real."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import marketing_ds as mds
from marketing_ds import profiling, tags
from marketing_ds.mart import Mart
from marketing_ds.rules import Rule, bind

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "choosing_customers.md").read_text(encoding="utf-8")


def _section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def test_every_rule_of_the_page_can_be_asked_of_the_catalogue(tiny_mart: Mart) -> None:
    rows = _section("How rules are read").split("\n- ")[0]
    rules = [
        text
        for text in re.findall(r"`([^`]+)`", rows)
        if re.search(r"[<>=]|\b(in|by|is|between|with|like|contains)\b", text)
    ]
    rules = [text for text in rules if not text.startswith("audience(")]
    assert len(rules) >= 13
    for text in rules:
        rule = Rule.parse(text)
        table = mds.tag_table(tiny_mart, "2026-06-30", rule.tags)
        assert bind(rule, table, text, as_of=tiny_mart.last_date) is not None


def test_every_call_of_the_page_exists() -> None:
    cells = " ".join(row.split("|")[2] for row in _section("Which call").splitlines() if "`" in row)
    calls = set(re.findall(r"(?<![.\w])([a-z_]+(?:\.[a-z_]+)*)\(", cells)) - {"a.overlap", "a.plot"}
    assert {"tag_table", "audience", "tags.define", "profiling.distribution"} <= calls
    for call in calls:
        found = mds
        for part in call.split("."):
            found = getattr(found, part)
        assert callable(found), call
    for method in re.findall(r"`\.([a-z_]+)\(", cells):
        owners = (mds.audiences.Audience, mds.audiences.Split, profiling.Profile, tags.Catalogue)
        assert any(hasattr(owner, method) for owner in owners), method


def test_the_example_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    exec(compile(example, "choosing_customers.md", "exec"), {})
    said = capsys.readouterr().out
    assert re.search(r"^0 +r +\d", said, flags=re.MULTILINE)
    assert "ci_upper" in said
