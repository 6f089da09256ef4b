"""The small bank, analysed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from marketing_ds.evaluation.channel import ChannelAnalysis, analyze_channels
from marketing_ds.mart import Mart, open_mart

from .small_bank import AS_OF, END, START, Rows, small_bank


@pytest.fixture(scope="package")
def small_dir(
    tmp_path_factory: pytest.TempPathFactory, write_mart: Callable[[Path, dict[str, Rows]], Path]
) -> Path:
    return write_mart(tmp_path_factory.mktemp("small") / "mart", small_bank())


@pytest.fixture(scope="package")
def small_mart(small_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mart]:
    with open_mart(small_dir, workspace=tmp_path_factory.mktemp("small_workspace")) as mart:
        yield mart


@pytest.fixture(scope="package")
def found(small_mart: Mart) -> ChannelAnalysis:
    return analyze_channels(small_mart, start=START, end=END, as_of=AS_OF)
