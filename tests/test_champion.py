"""A challenger becomes champion only when the paired test says so, and it is written down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from marketing_ds import tracking
from marketing_ds._core.errors import InvalidInput, NotPublished, PublicationError
from marketing_ds.export import Bundle, export_bundle
from marketing_ds.propensity import PropensityModel, compare_probabilities

NAMES = ("champion", "challenger")


@pytest.fixture(scope="module")
def bundles(tmp_path_factory) -> list[Bundle]:
    """Two small models, of other content."""
    rng = np.random.default_rng(0)
    tags = pd.DataFrame({"age": rng.integers(20, 80, 400), "visits": rng.poisson(3, 400)})
    y = (rng.random(400) < tags["age"] / 160).astype(int)
    folder = tmp_path_factory.mktemp("bundles")
    models = [PropensityModel(max_trees=n, n_jobs=1).fit(tags, y) for n in (5, 10)]
    return [export_bundle(model, folder / f"b{n}") for n, model in enumerate(models)]


@pytest.fixture(scope="module")
def truth() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probabilities that know them, and some that know nothing."""
    rng = np.random.default_rng(1)
    good = rng.uniform(0.05, 0.6, 800)
    return (rng.random(800) < good).astype(int), good, rng.permutation(good)


@pytest.fixture(scope="module")
def better(truth):
    y, good, poor = truth
    return compare_probabilities(y, poor, good, names=NAMES)


@pytest.fixture(scope="module")
def worse(truth):
    y, good, poor = truth
    return compare_probabilities(y, good, poor, names=NAMES)


@pytest.fixture
def root(own_store: Path) -> Path:
    return own_store


def _two(root: Path, bundles: list[Bundle]) -> None:
    """A champion, version 1, and a challenger, version 2."""
    tracking.register(bundles[0], "propensity", root=root)
    tracking.promote("propensity", root=root)
    tracking.register(bundles[1], "propensity", root=root)


def _aliases(root: Path) -> dict[str, str]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{root / 'mlflow.db'}")
    (found,) = client.search_registered_models("name = 'propensity'")
    return {alias: str(version) for alias, version in found.aliases.items()}


def test_the_first_champion_needs_no_test_and_gives_back_its_bundle(root, bundles, tmp_path):
    card = tmp_path / "card.html"
    card.write_text("<p>card")
    made = tracking.register(
        bundles[0], "propensity", files=[card], metrics={"auc": 0.7}, root=root
    )
    assert (made.version, made.alias) == (1, "challenger")
    first = tracking.promote("propensity", root=root)
    assert first.model_version == bundles[0].model_version
    assert first.tags["promotion.over_version"] == "none"
    assert _aliases(root) == {"champion": "1"}
    kept = tracking.champion("propensity", root=root).bundle()
    assert kept.files == bundles[0].files
    artifacts = root / "artifacts" / made.run_id / "artifacts"
    assert (artifacts / "files" / "card.html").read_text() == "<p>card"


def test_a_better_challenger_is_promoted_and_all_is_recorded(root, bundles, better):
    _two(root, bundles)
    new = tracking.promote("propensity", better, root=root)
    assert _aliases(root) == {"champion": "2", "previous": "1"}
    assert new.model_version == bundles[1].model_version
    row = better.to_frame().set_index("measure").loc["auc"]
    assert new.tags["promotion.auc"].startswith(f"{row['a']:.6g} -> {row['b']:.6g}")
    assert new.tags["promotion.verdict"] == better.better
    assert new.tags["promotion.over_version"] == "1"
    assert new.tags["promotion.forced"] == "false"
    assert new.tags["promotion.by"]
    assert pd.Timestamp(new.tags["promotion.at"]).tzinfo is not None
    assert "promotion.verdict" in set(new.to_frame()["fact"])


def test_a_challenger_that_is_not_better_is_refused_with_the_figures(root, bundles, worse, truth):
    _two(root, bundles)
    with pytest.raises(PublicationError, match=r"is not promoted: champion is better .*AUC -0\."):
        tracking.promote("propensity", worse, root=root)
    y, good, _ = truth
    same = compare_probabilities(y, good, good, names=NAMES)
    with pytest.raises(PublicationError, match="Neither is shown to be better"):
        tracking.promote("propensity", same, root=root)
    assert _aliases(root) == {"champion": "1", "challenger": "2"}


def test_force_overrules_and_is_recorded_as_such(root, bundles, worse):
    _two(root, bundles)
    with pytest.raises(InvalidInput, match="force needs reason="):
        tracking.promote("propensity", worse, force=True, root=root)
    new = tracking.promote(
        "propensity", worse, force=True, reason="the old one reads a tag that ends", root=root
    )
    assert new.tags["promotion.forced"] == "true"
    assert new.tags["promotion.reason"] == "the old one reads a tag that ends"
    assert _aliases(root) == {"champion": "2", "previous": "1"}


def test_a_comparison_is_needed_and_must_say_who_is_who(root, bundles, truth):
    _two(root, bundles)
    y, good, poor = truth
    with pytest.raises(InvalidInput, match="comparison is needed"):
        tracking.promote("propensity", root=root)
    for names in (("a", "b"), ("challenger", "champion")):
        with pytest.raises(InvalidInput, match=r"names \('champion', 'challenger'\)"):
            tracking.promote(
                "propensity", compare_probabilities(y, poor, good, names=names), root=root
            )


def test_a_promotion_that_was_interrupted_is_finished_by_the_same_call(
    root, bundles, better, monkeypatch
):
    from mlflow import MlflowClient

    _two(root, bundles)

    def fail(*_):
        raise OSError("store is gone")

    with monkeypatch.context() as broken:
        broken.setattr(MlflowClient, "delete_registered_model_alias", fail)
        with pytest.raises(OSError, match="store is gone"):
            tracking.promote("propensity", better, root=root)
    assert tracking.champion("propensity", root=root).version == 2  # whole, the switch was done
    tracking.promote("propensity", better, root=root)
    assert _aliases(root) == {"champion": "2", "previous": "1"}


def test_interrupted_before_the_switch_the_old_champion_stays(root, bundles, better, monkeypatch):
    from mlflow import MlflowClient

    _two(root, bundles)
    real = MlflowClient.set_registered_model_alias

    def fail_at_switch(client, name, alias, version):
        if alias == "champion":
            raise OSError("store is gone")
        return real(client, name, alias, version)

    with monkeypatch.context() as broken:
        broken.setattr(MlflowClient, "set_registered_model_alias", fail_at_switch)
        with pytest.raises(OSError, match="store is gone"):
            tracking.promote("propensity", better, root=root)
    assert tracking.champion("propensity", root=root).version == 1
    assert tracking.promote("propensity", better, root=root).version == 2


def test_the_way_back(root, bundles, better):
    _two(root, bundles)
    tracking.promote("propensity", better, root=root)
    with pytest.raises(InvalidInput, match="reason must say why"):
        tracking.roll_back("propensity", reason="", root=root)
    back = tracking.roll_back("propensity", reason="complaints", root=root)
    assert back.version == 1
    assert back.tags["rolled_back.reason"] == "complaints"
    assert _aliases(root) == {"champion": "1"}


def test_what_is_not_there_is_said(root, bundles, tmp_path):
    with pytest.raises(NotPublished, match="has no champion; promote one first"):
        tracking.champion("propensity", root=root)
    with pytest.raises(NotPublished, match="has no challenger; register one first"):
        tracking.promote("propensity", root=root)
    with pytest.raises(InvalidInput, match="did you mean 'challenger'"):
        tracking.register(bundles[0], "propensity", alias="chalenger", root=root)
    with pytest.raises(InvalidInput, match="there is no"):
        tracking.register(bundles[0], "propensity", files=[tmp_path / "card.html"], root=root)


def test_a_scheduled_run_makes_its_model_the_challenger(root, bundles, tmp_path):
    tracking.log_run(
        root=tmp_path,
        name="05_propensity",
        failed=False,
        parameters={},
        metrics={},
        tags={},
        bundles={"propensity": str(bundles[0].path)},
    )
    rival = tracking.champion("propensity", alias="challenger", root=root)
    assert rival.bundle().model_version == bundles[0].model_version


def test_a_fitted_model_or_a_folder_is_registered_as_well(root, bundles):
    made = tracking.register(bundles[0].path, "propensity", root=root)
    assert made.model_version == bundles[0].model_version
