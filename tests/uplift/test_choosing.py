"""The page on choosing a learner: its example runs, its names exist."""

import doctest
import re
from pathlib import Path

from marketing_ds.uplift.learning.settings import NAMES

PAGE = Path(__file__).parents[2] / "docs" / "choosing_a_learner.md"


def test_the_example_runs():
    result = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert result.attempted >= 10
    assert result.failed == 0


def test_every_learner_is_explained():
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(NAMES)


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#:]+)\)", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parent / link).exists()
