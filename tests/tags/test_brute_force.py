"""Every tag of the catalogue against a second computation in plain Python, on both engines."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from marketing_ds.mart import Mart, open_mart
from marketing_ds.tags import catalogue, tag_table
from marketing_ds.tags._entities import ENTITIES, EntityName

from . import _brute_force as brute
from ._random_bank import AS_OF, Rows, random_tables

TABLES = random_tables()
BANK = brute.Bank(TABLES, AS_OF)


def _expected(entity: EntityName) -> dict[str, dict[str, Any]]:
    if entity == "customer":
        return {r["customer_id"]: brute.customer_tags(BANK, r) for r in BANK.customers}
    if entity == "product":
        rows = [r for r in TABLES["products"] if r["launched_on"] <= AS_OF]
        return {r["product_id"]: brute.product_tags(BANK, r) for r in rows}
    return {r["campaign_id"]: brute.campaign_tags(BANK, r) for r in TABLES["campaigns"]}


@pytest.fixture(scope="module")
def random_dir(
    tmp_path_factory: pytest.TempPathFactory, write_mart: Callable[[Path, dict[str, Rows]], Path]
) -> Path:
    """The folder of the random bank."""
    return write_mart(tmp_path_factory.mktemp("random") / "mart", TABLES)


@pytest.fixture
def random_mart(engine: str, random_dir: Path, tmp_path: Path) -> Iterator[Mart]:
    """The random bank on each engine in turn."""
    with open_mart(random_dir, engine=engine, workspace=tmp_path / "workspace") as mart:
        yield mart


def _same(found: Any, expected: Any) -> bool:
    if found is None or expected is None:
        return found is expected
    if isinstance(expected, float) or isinstance(found, float):
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-7)
    return type(found) is type(expected) and bool(found == expected)


@pytest.mark.parametrize("entity", list(ENTITIES))
def test_every_tag_is_what_plain_python_says(random_mart: Mart, entity: EntityName) -> None:
    key, expected = ENTITIES[entity].key, _expected(entity)
    names = catalogue(entity=entity).names
    table = tag_table(random_mart, AS_OF, names, entity=entity)
    found = {row[key]: row for row in table.to_pyarrow().to_pylist()}
    assert set(found) == set(expected)
    wrong = {
        (name, each): (found[each][name], expected[each][name])
        for name in names
        for each in expected
        if not _same(found[each][name], expected[each][name])
    }
    which = sorted({name for name, _ in wrong})
    assert not wrong, (
        f"{len(wrong)} differ, of the tags {which}, e.g. {dict(list(wrong.items())[:8])}"
    )


@pytest.mark.parametrize("entity", list(ENTITIES))
def test_the_random_bank_gives_every_tag_something_to_tell(entity: EntityName) -> None:
    expected = _expected(entity)
    assert {name for tags in expected.values() for name in tags} == set(
        catalogue(entity=entity).names
    )
    dull = [
        name
        for name in catalogue(entity=entity).names
        if len({tags[name] for tags in expected.values()}) < 2
    ]
    assert dull == []
