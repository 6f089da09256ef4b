"""One MLflow run for each run unit, where MLflow's own variables say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper

from marketing_ds import tracking
from marketing_ds._core.errors import InvalidInput
from marketing_ds.lookalike import Expansion, ReachCurve
from marketing_ds.runs import conclude


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["age"], ["score"])],
        "identity",
        [helper.make_tensor_value_info("age", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])],
    )
    folder = tmp_path / "bundle"
    folder.mkdir()
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(folder / "model.onnx"))
    (folder / "contract.json").write_text("{}")
    return folder


def _log(root: Path, **changes: object) -> str:
    given = {
        "root": root,
        "name": "06_uplift",
        "failed": False,
        "parameters": {"learner": "dr"},
        "metrics": {"qini": 0.5},
        "tags": {"run_key": "abc"},
    }
    return tracking.log_run(**{**given, **changes})


def _client(store: Path):
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{store / 'mlflow.db'}")


def test_a_run_holds_parameters_metrics_tags_and_versions(own_store, tmp_path):
    run = _client(own_store).get_run(_log(tmp_path))
    assert run.info.status == "FINISHED"
    assert run.data.params == {"learner": "dr"}
    assert run.data.metrics == {"qini": 0.5}
    assert run.data.tags["run_key"] == "abc"
    assert run.data.tags["version.duckdb"]


def test_a_failed_run_is_marked(own_store, tmp_path):
    assert _client(own_store).get_run(_log(tmp_path, failed=True)).info.status == "FAILED"


def test_files_folders_and_manifests_are_kept(own_store, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<p>")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "a.png").write_bytes(b"png")
    manifest = tmp_path / "w/tags/name=default/as_of=2026-06-30/run=1/manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"rows": 3}))
    run_id = _log(tmp_path, files=[page, pictures], manifests=[manifest])
    root = own_store / "artifacts" / run_id / "artifacts"
    kept = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}
    assert kept == {
        "page.html",
        "pictures/a.png",
        "publications/tags/name=default/as_of=2026-06-30/run=1/manifest.json",
    }


def test_a_bundle_becomes_a_version_of_the_registered_model(own_store, tmp_path, bundle):
    _log(tmp_path, bundles={"uplift": str(bundle)})
    _log(tmp_path, bundles={"uplift": str(bundle)})
    versions = _client(own_store).search_model_versions("name = 'uplift'")
    assert sorted(int(v.version) for v in versions) == [1, 2]


def test_the_experiment_can_be_renamed_by_mlflows_variable(own_store, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "june")
    run = _client(own_store).get_run(_log(tmp_path))
    assert _client(own_store).get_experiment(run.info.experiment_id).name == "june"


def test_without_the_variable_the_store_lies_in_the_project(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking.default_store(tmp_path) == f"sqlite:///{tmp_path}/mlruns/mlflow.db"


@pytest.fixture
def reach() -> ReachCurve:
    return ReachCurve(np.array([0.9, 0.7, 0.2]))


def test_results_made_by_hand_become_a_run_with_frames_and_pictures(own_store, tmp_path, reach):
    run_id = tracking.log_results(
        "widening", {"reach": reach}, parameters={"method": "auto"}, metrics={"auc": 0.8},
        root=tmp_path,
    )  # fmt: skip
    run = _client(own_store).get_run(run_id)
    assert run.info.run_name == "widening"
    assert run.data.params == {"method": "auto"}
    assert run.data.metrics == {"auc": 0.8}
    root = own_store / "artifacts" / run_id / "artifacts"
    assert sorted(path.name for path in root.iterdir()) == ["reach.csv", "reach.png"]
    assert "candidate_share" in (root / "reach.csv").read_text()


def test_a_result_without_a_picture_is_kept_as_a_table(tmp_path):
    found = conclude("AUC", 0.8)
    assert [p.name for p in tracking.write_results(tmp_path, {"end": found})] == ["end.csv"]


def test_results_that_list_customers_are_refused_before_anything_is_written(tmp_path, reach):
    rows = pd.DataFrame({"customer_id": ["c1"], "score": [0.9]})
    found = Expansion(rows, 3, 1, False, "0f3a")
    with pytest.raises(InvalidInput, match="must not list single customers, got 'found'"):
        tracking.write_results(tmp_path / "there", {"reach": reach, "found": found})
    assert not (tmp_path / "there").exists()


def test_mlflows_own_address_is_put_back(own_store, tmp_path):
    import mlflow

    before = os.environ["MLFLOW_TRACKING_URI"]
    _log(tmp_path)
    assert os.environ["MLFLOW_TRACKING_URI"] == before
    assert mlflow.get_tracking_uri() == before
