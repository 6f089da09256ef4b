"""The run unit: executed once, found afterwards, tracked, and honest when it fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from marketing_ds._core.errors import RunError
from marketing_ds.runs import find_notebook, latest_key, run_notebook, workspace_of

PARAMETERS = 'workspace_path: str = "workspace"\nsize: int = 2\nas_of: str = ""\n'
CONCLUDE = "import marketing_ds as mds\nmds.conclude('double', 2.0 * size, rows=size)"


@pytest.fixture
def notebook(make_notebook) -> Path:
    return make_notebook("double", PARAMETERS, CONCLUDE)


def _runs(store: Path) -> list:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{store / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("marketing_ds")
    return client.search_runs([experiment.experiment_id])


def test_runs_once_and_is_found_the_second_time(notebook, own_store, tmp_path):
    given = {"size": "3", "workspace_path": str(tmp_path / "w")}
    first = run_notebook(notebook, given)
    second = run_notebook(notebook, given)
    assert not first.found
    assert second.found
    assert second.conclusion == first.conclusion
    assert second.key == first.key
    assert first.conclusion.value == 6.0
    (run,) = _runs(own_store)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["headline"] == 6.0
    assert run.data.params["size"] == "3"
    assert run.data.tags["run_key"] == first.key
    assert {"version.pandas", "notebook_sha256"} <= set(run.data.tags)
    kept = {p.name for p in (own_store / "artifacts").rglob("*") if p.is_file()}
    assert {"double.ipynb", "double.html", "conclusion.json"} <= kept


def test_another_parameter_is_another_run(notebook, own_store, tmp_path):
    given = {"workspace_path": str(tmp_path / "w")}
    first = run_notebook(notebook, given)
    second = run_notebook(notebook, {**given, "size": 5})
    assert second.key != first.key
    assert not second.found


def test_the_frame_says_status_and_headline(notebook, own_store, tmp_path):
    frame = run_notebook(notebook, {"workspace_path": str(tmp_path / "w")}).to_frame()
    assert frame.loc[0, "status"] == "done"
    assert frame.loc[0, "headline"] == "double: 4"


def test_paths_are_no_part_of_the_key(notebook, own_store, tmp_path):
    a = run_notebook(notebook, {"workspace_path": str(tmp_path / "a")})
    b = run_notebook(notebook, {"workspace_path": str(tmp_path / "b")})
    assert a.key == b.key


def test_bad_parameters_are_refused_before_a_kernel_starts(notebook, own_store, tmp_path):
    with pytest.raises(RunError, match="did you mean 'size'"):
        run_notebook(notebook, {"sise": 3, "workspace_path": str(tmp_path / "w")})
    assert not (tmp_path / "w").exists()


def test_a_failing_cell_is_shown_and_kept(make_notebook, own_store, tmp_path):
    path = make_notebook("broken", PARAMETERS, "1 / (size - 2)")
    with pytest.raises(
        RunError, match=r"(?s)broken failed in cell.*1 / \(size - 2\).*ZeroDivision"
    ):
        run_notebook(path, {"workspace_path": str(tmp_path / "w")})
    (failed,) = (tmp_path / "w" / "runs" / "broken").glob("failed-*")
    assert (failed / "broken.html").is_file()
    (run,) = _runs(own_store)
    assert run.info.status == "FAILED"


def test_a_run_cut_short_leaves_no_record_and_runs_again(notebook, own_store, tmp_path):
    given = {"workspace_path": str(tmp_path / "w")}
    first = run_notebook(notebook, given)
    (first.folder / "record.json").unlink()
    again = run_notebook(notebook, given)
    assert not again.found
    assert (again.folder / "record.json").is_file()


def test_a_run_whose_output_is_gone_runs_again(make_notebook, own_store, tmp_path):
    out = tmp_path / "published"
    path = make_notebook(
        "publishes",
        PARAMETERS,
        "import pathlib, types\nimport marketing_ds as mds\n"
        f"out = pathlib.Path({str(out)!r})\nout.mkdir(exist_ok=True)\n"
        "(out / 'manifest.json').write_text('{}')\n"
        "mds.conclude('p', 1.0, publications=[types.SimpleNamespace(path=out, rows=1)])",
    )
    given = {"workspace_path": str(tmp_path / "w")}
    run_notebook(path, given)
    assert run_notebook(path, given).found
    (out / "manifest.json").unlink()
    assert not run_notebook(path, given).found
    assert (out / "manifest.json").is_file()


def test_a_notebook_without_a_conclusion_is_a_run_too(make_notebook, own_store, tmp_path):
    path = make_notebook("quiet", PARAMETERS, "size + 1")
    record = run_notebook(path, {"workspace_path": str(tmp_path / "w")})
    assert record.conclusion is None
    assert record.to_frame().loc[0, "rows"] == 0


def test_the_newest_key_up_to_a_date_is_found(notebook, own_store, tmp_path):
    workspace = tmp_path / "w"
    keys = {
        date: run_notebook(notebook, {"workspace_path": str(workspace), "as_of": date}).key
        for date in ("2026-06-01", "2026-06-02")
    }
    assert latest_key("double", workspace, "2026-06-30") == keys["2026-06-02"]
    assert latest_key("double", workspace, "2026-06-01") == keys["2026-06-01"]
    assert latest_key("double", workspace, "2026-05-31") is None


def test_an_unknown_notebook_names_the_nearest():
    with pytest.raises(RunError, match="did you mean '02_tags'"):
        find_notebook("02_tag")


def test_upstream_keys_are_part_of_the_key(notebook, own_store, tmp_path):
    given = {"workspace_path": str(tmp_path / "w")}
    a = run_notebook(notebook, given, upstream=["a"])
    b = run_notebook(notebook, given, upstream=["b"])
    assert a.key != b.key
    content = json.loads((a.folder / "record.json").read_text())
    assert content["parameters"]["size"] == 2


def test_nothing_is_left_of_a_run_that_could_not_be_tracked(notebook, tmp_path, monkeypatch):
    from marketing_ds import tracking

    def refuse(**_: object) -> str:
        raise OSError("the store is gone")

    monkeypatch.setattr(tracking, "log_run", refuse)
    with pytest.raises(OSError, match="the store is gone"):
        run_notebook(notebook, {"workspace_path": str(tmp_path / "w")})
    assert not list((tmp_path / "w" / "runs").rglob("*.ipynb"))


def test_every_mart_has_a_workspace_of_its_own(tmp_path, monkeypatch):
    monkeypatch.delenv("MARKETING_DS_WORKSPACE", raising=False)
    monkeypatch.setenv("MARKETING_DS_HOME", str(tmp_path))
    assert workspace_of("marts/hillstrom") == tmp_path / "workspace" / "hillstrom"
    assert workspace_of("marts/bank") == tmp_path / "workspace" / "bank"


def test_the_workspace_can_be_set_from_outside(
    make_notebook, own_store, tiny_mart_dir, tmp_path, monkeypatch
):
    monkeypatch.setenv("MARKETING_DS_WORKSPACE", str(tmp_path / "elsewhere"))
    path = make_notebook("n", f'mart_path: str = "x"\n{PARAMETERS}', CONCLUDE)
    record = run_notebook(path, {"mart_path": str(tiny_mart_dir)})
    assert record.folder.is_relative_to(tmp_path / "elsewhere")
