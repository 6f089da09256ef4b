"""One MLflow run for each run unit, where MLflow's own variables say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from marketing_ds import tracking


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


def test_mlflows_own_address_is_put_back(own_store, tmp_path):
    import mlflow

    before = os.environ["MLFLOW_TRACKING_URI"]
    _log(tmp_path)
    assert os.environ["MLFLOW_TRACKING_URI"] == before
    assert mlflow.get_tracking_uri() == before
