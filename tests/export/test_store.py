"""Bundles in a workspace: one folder a version, the newest sound one is found."""

from __future__ import annotations

import pytest

import marketing_ds as mds
from marketing_ds._core.errors import InvalidInput, NotPublished
from marketing_ds.propensity import PropensityModel


@pytest.fixture(scope="module")
def model():
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    tags = pd.DataFrame({"age": rng.integers(18, 80, 300)})
    return PropensityModel(n_jobs=1, max_trees=10).fit(tags, rng.random(300) < tags["age"] / 160)


def _export(model, mart, as_of, version):
    return mds.export_bundle(model, mds.bundle_path(mart, "bought", as_of, version))


def test_the_newest_by_business_date_is_found(model, tiny_mart):
    late = _export(model, tiny_mart, "2026-06-30", "b")
    early = _export(model, tiny_mart, "2026-05-31", "a")
    assert mds.newest_bundle(tiny_mart, "bought").path == late.path
    assert mds.newest_bundle(tiny_mart, "bought", as_of="2026-06-29").path == early.path


def test_without_one_the_way_out_is_named(tiny_mart):
    with pytest.raises(NotPublished, match="marketing-ds run"):
        mds.newest_bundle(tiny_mart, "bought", as_of="2026-05-01")


def test_a_damaged_one_is_refused(model, tiny_mart):
    bundle = _export(model, tiny_mart, "2026-06-30", "b")
    (bundle.path / "model.onnx").write_bytes(b"")
    with pytest.raises(InvalidInput, match=r"model\.onnx"):
        mds.newest_bundle(tiny_mart, "bought")


def test_a_half_written_one_is_not_seen(model, tiny_mart):
    whole = _export(model, tiny_mart, "2026-05-31", "a")
    half = mds.bundle_path(tiny_mart, "bought", "2026-06-30", "b")
    half.mkdir(parents=True)
    (half / "model.onnx").write_bytes(b"x")
    assert mds.newest_bundle(tiny_mart, "bought").path == whole.path
