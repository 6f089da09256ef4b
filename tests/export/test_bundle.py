"""The folder: what it says, how it is written, and that every change is found."""

import json
import os
import stat
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput, PublicationError
from marketing_ds.export import _bundle, export_bundle, load_bundle, verify_bundle
from marketing_ds.features import FeatureEncoder
from marketing_ds.propensity import Calibration

from .conftest import StandInPropensity, grow

FILES = {"model.onnx", "contract.json", "policy.json", "golden.jsonl", "manifest.json"}


@pytest.fixture
def bundle(propensity, tags, tmp_path):
    return export_bundle(
        propensity, tmp_path / "bundle", examples=tags, tags_version="t1", snapshot="abc"
    )


def read(bundle, name):
    return json.loads((bundle.path / name).read_text(encoding="utf-8"))


def golden(bundle):
    text = (bundle.path / "golden.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_holds_exactly_its_five_files(bundle):
    assert {p.name for p in bundle.path.iterdir()} == FILES
    assert [p.name for p in bundle.path.parent.iterdir()] == ["bundle"]  # no draft is left


def test_is_found_sound(bundle):
    check = verify_bundle(bundle.path)
    assert check.passed
    assert check.problems == ()
    assert check.cases == bundle.cases == len(golden(bundle))
    assert check.max_error < 1e-6
    assert check.to_frame()["passed"].all()


def test_manifest_names_hashes_versions_and_training_data(bundle, propensity):
    manifest = read(bundle, "manifest.json")
    assert manifest["model_version"] == propensity.model_version_
    assert (manifest["kind"], manifest["tags_version"], manifest["snapshot"]) == (
        "propensity",
        "t1",
        "abc",
    )
    assert set(manifest["files"]) == FILES - {"manifest.json"}
    assert {"xgboost", "onnx", "onnxruntime"} <= set(manifest["versions"])
    assert bundle.to_frame()["sha256"].str.len().eq(64).all()


def test_contract_says_what_goes_in(bundle):
    contract = read(bundle, "contract.json")
    inputs = {entry["name"]: entry for entry in contract["inputs"]}
    assert inputs["aum_cny"]["unit"] == "CNY"
    assert inputs["opened_on"]["unit"] == "days since 1970-01-01"
    assert inputs["mobile"]["unit"] == "1 or 0"
    assert inputs["logins"]["minimum"] == 0
    assert inputs["logins"]["maximum"] == 29
    assert inputs["等级"]["categories"] == sorted(["金", "银", "普通"])
    assert inputs["branch"]["null"] == "the empty string: unknown"
    assert inputs["等级"]["null"].endswith("none was seen at fit")
    assert "rare" in inputs["branch"]["other"]
    assert contract["ignored"] == {"constant": "constant"}
    assert contract["output"]["columns"] == ["probability"]


def test_uplift_has_a_column_an_arm(uplift, tmp_path):
    contract = read(export_bundle(uplift, tmp_path / "b"), "contract.json")
    assert contract["kind"] == "uplift"
    assert contract["output"]["columns"] == ["coupon", "message"]


def test_golden_cases_hold_nulls_unseen_levels_boundaries_and_customers(bundle, tags):
    cases = {case["case"]: case["inputs"] for case in golden(bundle)}
    assert set(cases["all null"].values()) == {None}
    assert cases["branch null"]["branch"] is None
    assert cases["branch unseen"]["branch"] not in set(tags["branch"])
    assert cases["branch empty"]["branch"] == ""
    assert cases["all greatest"]["logins"] == 29
    assert cases["typical 1"]["logins"] == tags["logins"].iloc[0]
    below = [name for name in cases if "just below" in name]
    assert len(below) >= 5
    assert sum(name.startswith("typical") for name in cases) == 20


def test_golden_scores_are_the_models_own(bundle, propensity, tags):
    expected = {case["case"]: case["expected"] for case in golden(bundle)}
    native = propensity.predict_proba(tags.head(1))[0, 1]
    assert expected["typical 1"] == [pytest.approx(native, abs=1e-12)]


def test_no_customer_id_leaves_with_the_bundle(bundle):
    assert all("customer_id" not in case["inputs"] for case in golden(bundle))


def test_no_policy_is_an_explicit_empty_one(bundle):
    assert read(bundle, "policy.json") == {"offers": [], "eligibility": None, "prices": {}}


def test_a_policy_is_written_as_given(propensity, tmp_path):
    policy = {
        "offers": pd.DataFrame({"offer": ["coupon"], "value_cny": [np.float64(120)]}),
        "eligibility": {"coupon": "age >= 18"},
        "prices": {"budget": np.float64(0.5)},
    }
    written = read(export_bundle(propensity, tmp_path / "b", policy=policy), "policy.json")
    assert written["offers"] == [{"offer": "coupon", "value_cny": 120.0}]
    assert written["prices"] == {"budget": 0.5}


def test_a_plan_gives_offers_and_prices(propensity, tmp_path):
    offers = pd.DataFrame({"offer": ["coupon"], "customers": [3]})
    plan = SimpleNamespace(shadow_prices={"budget_cny": 1.25}, summary=lambda: offers)
    written = read(export_bundle(propensity, tmp_path / "b", policy=plan), "policy.json")
    assert written["prices"] == {"budget_cny": 1.25}
    assert written["offers"] == [{"offer": "coupon", "customers": 3}]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"offer": []}, "policy must hold only 'offers', 'eligibility', 'prices', got 'offer'"),
        ([], "policy must be a mapping or a plan"),
        ({"prices": {"a": float("nan")}}, "finite numbers only"),
        ({"prices": {"a": object()}}, "cannot hold a object"),
    ],
    ids=["unknown key", "list", "nan", "object"],
)
def test_refuses_policies(policy, message, propensity, tmp_path):
    with pytest.raises(InvalidInput, match=message):
        export_bundle(propensity, tmp_path / "b", policy=policy)
    assert list(tmp_path.iterdir()) == []


def test_the_same_again_finds_it_done(bundle, propensity, tags):
    before = {p.name: p.stat().st_mtime_ns for p in bundle.path.iterdir()}
    again = export_bundle(propensity, bundle.path, examples=tags, tags_version="t1", snapshot="abc")
    assert again == bundle
    assert {p.name: p.stat().st_mtime_ns for p in bundle.path.iterdir()} == before


def test_other_content_never_replaces_a_bundle(bundle, propensity):
    with pytest.raises(InvalidInput, match="exists with other content"):
        export_bundle(propensity, bundle.path, tags_version="t2")
    assert read(bundle, "manifest.json")["tags_version"] == "t1"


def test_refuses_a_place_where_no_folder_can_be(propensity, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidInput, match="cannot be made"):
        export_bundle(propensity, tmp_path / "file" / "bundle")


def test_others_may_read_it(bundle):
    assert stat.S_IMODE(os.stat(bundle.path).st_mode) == 0o755


def test_a_graph_that_does_not_repeat_the_model_is_never_published(encoded, tmp_path):
    encoder, Z, y = encoded

    class Drifting(StandInPropensity):
        def predict_proba(self, X):
            return super().predict_proba(X) * 0.9

    model = Drifting(encoder, grow(Z, y), Calibration())
    with pytest.raises(PublicationError, match="does not repeat the model: golden cases"):
        export_bundle(model, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_crash_while_writing_leaves_nothing(propensity, tmp_path, monkeypatch):
    def crash(path, content):
        path.write_bytes(content[:10])
        if path.name == "golden.jsonl":
            raise OSError("disk full")

    monkeypatch.setattr(_bundle, "_write", crash)
    with pytest.raises(OSError, match="disk full"):
        export_bundle(propensity, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_file_is_named(name, bundle):
    (bundle.path / name).unlink()
    check = verify_bundle(bundle.path)
    assert not check.passed
    assert f"{name}: missing" in check.problems


@pytest.mark.parametrize("name", sorted(FILES - {"manifest.json"}))
def test_a_changed_byte_is_found(name, bundle):
    content = bytearray((bundle.path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle.path / name).write_bytes(bytes(content))
    problems = verify_bundle(bundle.path).problems
    assert any(problem.startswith(f"{name}: changed") for problem in problems)


def test_another_model_in_the_folder_fails_the_golden_cases(bundle, encoded, tmp_path, tags):
    encoder, Z, y = encoded
    other = StandInPropensity(encoder, grow(Z, 1 - y), Calibration())
    other_bundle = export_bundle(other, tmp_path / "other")
    (bundle.path / "model.onnx").write_bytes((other_bundle.path / "model.onnx").read_bytes())
    check = verify_bundle(bundle.path)
    assert not check.passed
    assert "typical 1" in check.failed_cases
    assert check.max_error > 0.1
    assert any("failed: " in problem for problem in check.problems)


def test_a_changed_expectation_names_its_case(bundle):
    cases = golden(bundle)
    cases[3]["expected"] = [cases[3]["expected"][0] + 1e-4]
    text = "".join(json.dumps(case) + "\n" for case in cases)
    (bundle.path / "golden.jsonl").write_text(text, encoding="utf-8")
    assert verify_bundle(bundle.path).failed_cases == (cases[3]["case"],)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("manifest.json", "{", "manifest.json: not readable"),
        ("manifest.json", '{"files": {}}', "model.onnx: the manifest holds no sha256 of it"),
        ("golden.jsonl", "", "golden cases: there is none"),
        ("golden.jsonl", "{}\n", "golden cases: cannot be read"),
        ("model.onnx", "nonsense", "golden cases: the model does not run"),
        ("extra.pkl", "x", "folder: files that no bundle has: extra.pkl"),
    ],
)
def test_broken_files_are_reported_not_raised(name, content, found, bundle):
    (bundle.path / name).write_text(content)
    assert any(problem.startswith(found) for problem in verify_bundle(bundle.path).problems)


def test_expectations_of_another_shape_are_reported(bundle):
    cases = [case | {"expected": case["expected"] * 2} for case in golden(bundle)]
    text = "".join(json.dumps(case) + "\n" for case in cases)
    (bundle.path / "golden.jsonl").write_text(text, encoding="utf-8")
    assert any("scores have shape" in problem for problem in verify_bundle(bundle.path).problems)


def test_verify_needs_a_folder(tmp_path):
    with pytest.raises(InvalidInput, match="directory must be a bundle's folder"):
        verify_bundle(tmp_path / "nowhere")


def test_a_bundle_is_loaded_after_verifying(bundle, propensity, tags):
    loaded = load_bundle(bundle.path)
    assert loaded == bundle
    native = propensity.predict_proba(tags)[:, 1:]
    np.testing.assert_allclose(loaded.score(tags), native, atol=1e-6)


def test_an_unsound_bundle_is_not_loaded(bundle):
    (bundle.path / "policy.json").unlink()
    with pytest.raises(InvalidInput, match=r"sound bundle; policy\.json: missing"):
        load_bundle(bundle.path)


def test_scoring_needs_the_contracts_columns(bundle, tags):
    with pytest.raises(InvalidInput, match=r"missing: \['aum_cny'\]"):
        bundle.score(tags.drop(columns="aum_cny"))


def test_typical_cases_are_drawn_where_no_examples_are_given(propensity, tmp_path):
    bundle = export_bundle(propensity, tmp_path / "b")
    typical = [case["inputs"] for case in golden(bundle) if case["case"].startswith("typical")]
    assert len(typical) == 20
    assert all(0 <= row["logins"] <= 29 for row in typical if row["logins"] is not None)


def test_no_pickle_anywhere(bundle):
    assert not any(b"\x80\x04\x95" in p.read_bytes() for p in bundle.path.iterdir())


def test_an_encoder_without_categories_serves(tmp_path):
    X = pd.DataFrame({"d": pd.to_datetime(["2026-01-01", "2026-02-01"] * 50)})
    encoder = FeatureEncoder()
    Z = encoder.fit_transform(X)
    model = StandInPropensity(encoder, grow(Z, np.tile([0, 1], 50), rounds=3), Calibration())
    bundle = export_bundle(model, tmp_path / "b", examples=X)
    np.testing.assert_allclose(bundle.score(X), model.predict_proba(X)[:, 1:], atol=1e-6)


def test_the_bundle_makes_the_scores_table_of_the_model(bundle, propensity, tags):
    ours = bundle.score_table(tags.head(30), as_of="2026-06-30")
    native = propensity.score_table(tags.head(30), as_of="2026-06-30")
    np.testing.assert_allclose(ours["score"], native["score"], atol=1e-6)
    rest = [column for column in ours.columns if column != "score"]
    pd.testing.assert_frame_equal(ours[rest], native[rest])


def test_an_uplift_bundle_scores_each_customer_once_per_arm(uplift, tags, tmp_path):
    table = export_bundle(uplift, tmp_path / "b").score_table(tags.head(30), as_of="2026-06-30")
    for column, arm in enumerate(uplift.arms_):
        mine = table[table["arm"] == arm]
        assert mine["customer_id"].tolist() == tags["customer_id"].head(30).tolist()
        native = uplift.predict(tags.head(30))[:, column]
        np.testing.assert_allclose(mine["score"], native, atol=1e-5)


def test_a_policy_can_be_put_beside_a_bundled_model(bundle, tmp_path):
    policy = {"prices": {"budget_cny": 2.0}}
    other = bundle.with_policy(policy, tmp_path / "with policy")
    assert verify_bundle(other.path).passed
    assert read(other, "policy.json")["prices"] == {"budget_cny": 2.0}
    assert other.files["model.onnx"] == bundle.files["model.onnx"]
    assert read(bundle, "policy.json")["prices"] == {}
