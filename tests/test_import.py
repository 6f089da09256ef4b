"""`import marketing_ds` is quick: heavy parts load when they are used, and every name is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import marketing_ds as mds

HEAVY = ("pandas", "ibis", "duckdb", "xgboost", "sklearn", "faiss", "shap", "mlflow", "matplotlib")


def test_importing_loads_nothing_heavy_and_takes_under_half_a_second():
    code = (
        "import sys, time\nstart = time.perf_counter()\nimport marketing_ds\n"
        "print(time.perf_counter() - start)\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, loaded = done.stdout.splitlines()
    assert float(seconds) < 0.5
    assert loaded == "[]"


@pytest.mark.parametrize("name", mds.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(mds, name).__doc__
    assert name in dir(mds)


def test_a_misspelt_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'open_marts'"):
        _ = mds.open_marts
