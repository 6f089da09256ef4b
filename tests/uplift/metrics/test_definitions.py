"""Named definitions of other libraries, against values that their own code computed."""

from __future__ import annotations

import doctest
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds.uplift import uplift_curve
from marketing_ds.uplift.metrics.definitions import DEFINITIONS, metric_definitions
from marketing_ds.uplift.metrics.metric import uplift_metric

from ..simulate import ranked

DOCS = Path(__file__).parents[3] / "docs" / "uplift_metrics.md"
REFERENCE = Path(__file__).parents[2] / "reference"
MAKER = REFERENCE / "make_uplift_metrics.py"
ARMS = ("control", "a", "b")


def comparisons(document):
    """Each metric of the document beside ours: (label, theirs, ours or None where we refuse)."""
    for case in document["cases"]:
        arrays = {name: np.array(values) for name, values in case["arrays"].items()}
        score = np.array(case["score"], dtype=case["dtype"])
        treatment = np.array(ARMS, dtype=object)[case["treatment"]]
        for theirs in case["metrics"]:
            used = {option: arrays[name] for option, name in theirs["uses"].items()}
            label = f"{case['name']}: {theirs['definition']} {theirs['options']} {[*used]}"
            try:
                ours = uplift_metric(
                    case["y"],
                    score,
                    treatment,
                    definition=theirs["definition"],
                    arm=ARMS[theirs["arm"]],
                    **theirs["options"],
                    **used,
                )
            except InvalidInput:
                ours = None
            yield label, theirs, ours


def disagreements(document):
    """Where ours is not theirs to 1e-9: in value, standard error, or any point of the curve."""
    for label, theirs, ours in comparisons(document):
        if ours is None or "refused" in theirs:
            if (ours is None) != ("refused" in theirs):
                yield f"{label}: theirs {theirs}, ours {ours}"
            continue
        pairs = [(ours.value, theirs["value"])]
        pairs += [(ours.se, theirs["se"])] if "se" in theirs else []
        pairs += [(ours.points[name], values) for name, values in theirs.get("points", {}).items()]
        for mine, other in pairs:
            if not np.allclose(mine, other, rtol=1e-9, atol=1e-9, equal_nan=True):
                yield f"{label}: theirs {other}, ours {mine}"


@pytest.fixture(scope="module")
def reference():
    return json.loads((REFERENCE / "uplift_metrics.json").read_text("utf-8"))


def test_values_of_the_peers_own_code(reference):
    assert list(disagreements(reference)) == []


def test_the_reference_holds_every_definition_of_the_versions_named(reference):
    used = {metric["definition"] for case in reference["cases"] for metric in case["metrics"]}
    assert used == set(DEFINITIONS)
    libraries = {definition.library for definition in DEFINITIONS.values()}
    names = {"scikit-uplift": "scikit-uplift", "CausalML": "causalml", "EconML": "econml"}
    assert libraries == {
        f"{name} {reference['versions'][package]}" for name, package in names.items()
    }


def test_a_wrong_value_would_be_seen(reference):
    case = next(case for case in reference["cases"] if case["name"] == "usual")
    changed = [{**metric, "value": metric["value"] + 2e-9} for metric in case["metrics"]]
    found = list(disagreements({"cases": [{**case, "metrics": changed}]}))
    # Values above 1 are compared to nine digits.
    small = [metric for metric in changed if abs(metric["value"]) < 1]
    assert len(found) >= len(small) > 10


def peers_python() -> str | None:
    """A Python that has the peers: named, or made by scripts/make_peers.py, or this very one."""
    named, made = os.environ.get("MARKETING_DS_PEERS"), Path(sys.prefix, "peers", "bin", "python")
    if named or made.is_file():
        return named or str(made)
    here = all(importlib.util.find_spec(name) for name in ("sklift", "causalml", "econml"))
    return sys.executable if here else None


@pytest.mark.skipif(
    peers_python() is None,
    reason="no Python with scikit-uplift, CausalML and EconML: run .venv/bin/python "
    "scripts/make_peers.py, or name one in MARKETING_DS_PEERS",
)
def test_the_peers_own_code_run_now(tmp_path):
    out = tmp_path / "metrics.json"
    command = [peers_python(), MAKER, out, "--seed", "1", "--small", "12", "--here"]
    subprocess.run([str(part) for part in command], check=True, timeout=500)
    document = json.loads(out.read_text("utf-8"))
    # CausalML's order of equal scores is NumPy's: with another NumPy they may lie otherwise.
    same = document["versions"]["numpy"] == np.__version__
    document["cases"] = [
        {
            **case,
            "metrics": [
                metric
                for metric in case["metrics"]
                if same or not (case["tied"] and metric["definition"].startswith("causalml"))
            ],
        }
        for case in document["cases"]
    ]
    assert {"scikit-uplift", "causalml", "econml"} & set(document["versions"])
    assert len(list(comparisons(document))) > 200
    assert list(disagreements(document)) == []


@pytest.fixture
def sample():
    return ranked(np.random.default_rng(3), 400, rate=0.3)


def value(sample, definition, **options):
    return float(uplift_metric(*sample, definition=definition, **options))


seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def draw(rng, n=40, decimals=1):
    y, treated = rng.integers(0, 2, n), rng.integers(0, 2, n)
    y[:2], treated[:2] = (0, 1), (0, 1)
    return y, np.round(rng.random(n), decimals), treated


@settings(max_examples=30)
@given(seeds)
def test_law_scikit_uplifts_perfect_order_has_1(rng):
    y, _, treated = draw(rng)
    assert value((y, y * (2 * treated - 1), treated), "sklift_qini") == pytest.approx(1, abs=1e-12)
    responders, others = (y * (1 - treated)).sum(), ((1 - y) * treated).sum()
    last = y if responders > others else treated
    perfect = 2 * (y == treated) + last
    assert value((y, perfect, treated), "sklift_auuc") == pytest.approx(1, abs=1e-12)


@settings(max_examples=30)
@given(seeds)
def test_law_scikit_uplift_and_econml_know_no_order_of_rows(rng):
    y, score, treated = draw(rng)
    order = rng.permutation(len(y))
    for definition in ("sklift_qini", "sklift_auuc", "econml_qini", "econml_toc"):
        one = value((y, score, treated), definition)
        two = value((y[order], score[order], treated[order]), definition)
        assert two == pytest.approx(one, abs=1e-12, nan_ok=True)


@settings(max_examples=30)
@given(seeds)
def test_law_without_equal_scores_no_definition_knows_an_order_of_rows(rng):
    y, _, treated = draw(rng)
    score, order = rng.permutation(len(y)) / 7, rng.permutation(len(y))
    for definition in DEFINITIONS:
        one = value((y, score, treated), definition)
        two = value((y[order], score[order], treated[order]), definition)
        assert two == pytest.approx(one, abs=1e-12, rel=1e-12, nan_ok=True)


@settings(max_examples=30)
@given(seeds)
def test_law_only_the_order_of_scores_matters_but_to_econml(rng):
    y, _, treated = draw(rng)
    score = rng.permutation(len(y)) / len(y)
    for definition in DEFINITIONS:
        if not definition.startswith("econml"):  # cuts lie between scores, by their distance
            one = value((y, score, treated), definition)
            two = value((y, np.exp(3 * score), treated), definition)
            assert two == pytest.approx(one, abs=1e-12, nan_ok=True)


@settings(max_examples=30)
@given(seeds)
def test_law_econmls_qini_is_ours_on_its_cuts(rng):
    """With the arms' means and shares, ψ's mean in a group is our difference, weighted by arm."""
    n = 400
    score = rng.permutation(n) / n
    treated = np.tile([0, 1], n // 2)[np.argsort(score)]  # the same shares in every group
    y = rng.random(n)
    at = np.linspace(0, 100, n // 2 + 1)
    found = value((y, score, treated), "econml_qini", percentiles=at)
    assert found == pytest.approx(float(uplift_curve(y, score, treated).qini), abs=3 / n)


def test_scikit_uplifts_auuc_is_our_qini_over_the_perfect_one(sample):
    y, _, treated = sample
    responders, others = (y * (1 - treated)).sum(), ((1 - y) * treated).sum()
    perfect = 2 * (y == treated) + (y if responders > others else treated)
    points = uplift_metric(y, perfect, treated, definition="sklift_auuc").points
    n = len(y)
    possible = np.trapezoid(points["value"], points["customers"]) / n**2
    possible -= points["value"].iloc[-1] / n / 2
    # Above the first customer of the second arm seen, ours holds the first known difference.
    ours = float(uplift_curve(*sample).qini) / possible
    assert value(sample, "sklift_auuc") == pytest.approx(ours, abs=3 / n)


def test_causalmls_auuc_is_ours_over_the_total_effect(sample):
    curve = uplift_curve(*sample)
    ours = curve.auuc.value / abs(curve.average.value)
    assert value(sample, "causalml_auuc") == pytest.approx(ours, rel=0.01)


def test_causalmls_qini_weighted_rate_is_twice_our_qini(sample):
    ours = 2 * float(uplift_curve(*sample).qini)
    assert value(sample, "causalml_rate", weighting="qini") == pytest.approx(ours, rel=0.01)


def test_a_weighted_average_uplift_says_nothing_of_the_ranking(sample):
    y, score, treated = sample
    both = [
        value((y, way * score, treated), "sklift_weighted_average_uplift", strategy="by_group")
        for way in (1, -1)
    ]
    assert both[0] == pytest.approx(both[1], abs=0.01)
    assert value(sample, "sklift_qini") > 0 > value((y, -score, treated), "sklift_qini")


def test_half_the_weight_of_causalmls_autoc_lies_on_the_best_few():
    n, few = 100_000, 119  # 0.375·√n
    effect = np.where(np.arange(n) < few, 1.0, 0.0)
    score, treated = -np.arange(n), np.arange(n) % 2
    found = value((treated * effect, score, treated), "causalml_rate", effect=effect)
    toc = effect.cumsum() / np.arange(1, n + 1) - effect.mean()
    assert found == pytest.approx(0.5, abs=0.01)
    assert toc.mean() < 0.01  # AUTOC as Yadlowsky et al. define it


def test_causalmls_numbers_grow_without_limit_where_the_average_effect_is_near_0():
    rng = np.random.default_rng(0)
    y, score, treated = ranked(rng, 2000)
    odd = np.flatnonzero((treated == 1) & (y == 1))
    values = []
    for taken in range(len(odd)):
        y[odd[:taken]] = 0
        values.append(abs(value((y, score, treated), "causalml_qini")))
    assert max(values) > 50 * min(values)


def test_several_arms(sample):
    y, score, treated = sample
    arms = np.array(ARMS, dtype=object)[treated * (1 + np.arange(len(y)) % 2)]
    two = (arms != "b").nonzero()[0]
    for definition in DEFINITIONS:
        found = uplift_metric(y, score, arms, definition=definition, arm="a")
        assert (found.arm, found.n_arm) == ("a", int((arms == "a").sum()))
        if not definition.startswith("econml"):
            only = uplift_metric(y[two], score[two], arms[two], definition=definition)
            assert found.value == only.value
    effect = np.linspace(1, 0, len(y))
    found = uplift_metric(
        y, score, arms, definition="causalml_auuc", arm="a", effect=effect, normalize=False
    )
    order = two[np.argsort(-score[two])]
    assert found.points["value"].iloc[-1] == pytest.approx(effect[order].sum())


def test_econmls_default_is_the_arms_means_and_shares(sample):
    y, _, treated = sample
    share = treated.mean()
    means = np.array([y[treated == code].mean() for code in (0, 1)])
    residual = np.where(treated == 1, (y - means[1]) / share, -(y - means[0]) / (1 - share))
    outcome = np.tile(means, (len(y), 1))
    chances = np.tile([1 - share, share], (len(y), 1))
    received = chances[np.arange(len(y)), treated]
    by_name = {"control": 1 - share, "treated": share}
    for definition in ("econml_qini", "econml_toc"):
        bare = uplift_metric(*sample, definition=definition)
        for options in (
            {"psi": means[1] - means[0] + residual},
            {"psi": (means[1] - means[0] + residual)[:, None]},
            {"outcome": outcome},
            {"outcome": outcome, "probability": chances},
            {"probability": received},
            {"probability": by_name},
        ):
            found = uplift_metric(*sample, definition=definition, **options)
            assert (found.value, found.se) == pytest.approx((bare.value, bare.se), abs=1e-12)


def test_a_cut_above_every_score_has_no_value(sample):
    above = sample[1] + 0.5
    found = uplift_metric(*sample, definition="econml_qini", train_score=above)
    assert np.isnan(found.value)
    assert np.isnan(found.se)


def test_a_group_without_an_arm_has_no_value():
    y, score, treated = [0, 1, 1, 0], [4, 3, 2, 1], [1, 1, 0, 0]
    for definition, options in (
        ("sklift_uplift_at_k", {"k": 2}),
        ("sklift_weighted_average_uplift", {"bins": 2}),
    ):
        assert np.isnan(value((y, score, treated), definition, **options))


def test_an_average_effect_of_0_divides_by_nothing_as_in_causalml():
    y, score, treated = [1, 1, 0, 0], [4, 3, 2, 1], [1, 0, 1, 0]
    assert not np.isfinite(value((y, score, treated), "causalml_qini"))
    assert np.isfinite(value((y, score, treated), "causalml_qini", normalize=False))


def test_the_result_shows_itself(sample):
    found = uplift_metric(*sample, definition="econml_qini")
    frame = found.to_frame()
    assert frame.loc[0, "function"].startswith("econml.validate")
    assert (frame.loc[0, "value"], frame.loc[0, "n_arm"]) == (found.value, found.n_arm)
    assert "econml_qini" in found._repr_html_()
    assert list(found.points) == ["targeted_share", "value", "se"]


def test_the_definitions_show_themselves():
    shown = metric_definitions()
    frame = shown.to_frame()
    assert list(frame["name"]) == list(DEFINITIONS)
    assert frame.notna().all(axis=None)
    assert repr(shown).count("\n") == len(DEFINITIONS) - 1
    assert (
        "strategy='overall', k=0.3" in frame.set_index("name").loc["sklift_uplift_at_k", "options"]
    )
    assert "misleads" in shown._repr_html_()


def test_boolean_and_frame_columns_come_in(sample):
    y, score, treated = sample
    frame = pd.DataFrame({"y": y, "score": score, "arm": np.where(treated, "mail", "control")})
    for definition in DEFINITIONS:
        one = value((frame["y"], frame["score"], frame["arm"]), definition)
        assert one == value((y.astype(bool), score[:, None], treated.astype(bool)), definition)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"definition": "sklift_quini"}, "definition must be one of .* did you mean 'sklift_qini'"),
        (
            {"definition": "sklift_qini", "negative_effects": False},
            "'sklift_qini' must be called with its own options .* did you mean 'negative_effect'",
        ),
        ({"definition": "sklift_auuc", "k": 0.3}, r"its own options \(none\), got 'k'"),
        ({"definition": "causalml_auuc", "probability": 0.5}, "use uplift_curve or 'econml_qini'"),
        ({"definition": "sklift_qini", "negative_effect": 1}, "negative_effect must be True or"),
        ({"definition": "sklift_uplift_at_k", "k": 1.0}, "k must be between 0 and 1, both excl"),
        ({"definition": "sklift_uplift_at_k", "k": 400}, "k must be between 1 and 399"),
        ({"definition": "sklift_uplift_at_k", "k": True}, "k must be a number"),
        (
            {"definition": "sklift_uplift_at_k", "k": 300, "strategy": "by_group"},
            "k must be between 1 and 1",
        ),
        ({"definition": "sklift_uplift_at_k", "strategy": "all"}, "strategy must be one of"),
        ({"definition": "sklift_weighted_average_uplift", "bins": 400}, "bins must be between"),
        ({"definition": "causalml_qini", "normalize": "yes"}, "normalize must be True or False"),
        ({"definition": "causalml_rate", "weighting": "toc"}, "weighting must be one of"),
        ({"definition": "causalml_auuc", "effect": [1.0]}, "effect must have one value a row"),
        ({"definition": "econml_qini", "psi": [1.0]}, "psi must have one value a row"),
        ({"definition": "econml_qini", "percentiles": [50, 5]}, "percentiles must be two or more"),
        ({"definition": "econml_qini", "outcome": np.ones((400, 3))}, "outcome must be numbers of"),
        (
            {"definition": "econml_qini", "probability": np.eye(400)[:, :2]},
            "probability must be betw",
        ),
        (
            {"definition": "econml_qini", "probability": [0.5]},
            "probability must have one value a row",
        ),
        (
            {"definition": "econml_qini", "outcome": np.full((400, 2), np.nan)},
            "outcome must be finite",
        ),
        (
            {"definition": "econml_qini", "psi": np.ones(400), "outcome": [0, 1]},
            "psi must not come",
        ),
        ({"definition": "econml_qini", "train_score": ["a"]}, "train_score must be numeric"),
    ],
)
def test_bad_options(sample, options, message):
    with pytest.raises(InvalidInput, match=message):
        uplift_metric(*sample, **options)


def test_bad_data(sample):
    y, score, treated = sample
    with pytest.raises(InvalidInput, match=r"y must hold both 0 and 1 .* got 0, 2"):
        uplift_metric(2 * y, score, treated, definition="sklift_auuc")
    with pytest.raises(InvalidInput, match="score must have one value a row: 400 rows, got 399"):
        uplift_metric(y, score[1:], treated, definition="causalml_auuc")
    with pytest.raises(InvalidInput, match="arm must say which arm is compared"):
        uplift_metric(y, score, np.arange(400) % 3, definition="econml_qini", control=0)
    with pytest.raises(InvalidInput, match="arm must be one of"):
        uplift_metric(y, score, treated, definition="econml_qini", arm="mail")


def test_a_harmful_campaign_has_no_perfect_curve_of_gains():
    y, score, treated = [0, 1, 1, 0], [4, 3, 2, 1], [1, 0, 0, 1]
    with pytest.raises(InvalidInput, match="negative_effect must be True here: with 2 fewer"):
        uplift_metric(y, score, treated, definition="sklift_qini", negative_effect=False)


def test_nothing_to_gain_has_no_share():
    y, score, treated = [1, 1, 0, 0], [4, 3, 2, 1], [1, 0, 1, 0]
    with pytest.raises(InvalidInput, match="y must leave something to gain"):
        uplift_metric(y, score, treated, definition="sklift_qini", negative_effect=False)


def test_the_table_in_the_docs_is_that_of_the_definitions(reference):
    lines = DOCS.read_text("utf-8").splitlines()
    values = sum(len(case["metrics"]) for case in reference["cases"])
    assert any(f"{values} values that their own code computed" in line for line in lines)
    for name, d in DEFINITIONS.items():
        assert f"| `{name}` | {d.formula} | {d.unit} | {d.misleads} |" in lines
        assert f"| `{name}` | `{d.function}` | {d.ties} | {d.chances} | {d.interval} |" in lines
    versions = ", ".join(dict.fromkeys(d.library for d in DEFINITIONS.values()))
    assert f"Versions: {versions}." in lines


def test_the_examples_in_the_docs_run():
    names: dict[str, object] = {}
    examples = re.findall(r"^```python\n(.*?)^```", DOCS.read_text("utf-8"), re.M | re.S)
    for number, text in enumerate(examples):
        example = doctest.DocTestParser().get_doctest(text, names, f"{DOCS.name} {number}", None, 0)
        found = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(
            example, clear_globs=False
        )
        assert found.attempted > 0
        assert found.failed == 0
        names = example.globs
    assert len(examples) == 4


def test_a_curve_by_another_librarys_definition_is_that_metric():
    rng = np.random.default_rng(0)
    y, score, treated = rng.integers(0, 2, 300), rng.random(300), rng.integers(0, 2, 300)
    named = uplift_curve(y, score, treated, definition="sklift_qini")
    assert float(named) == float(uplift_metric(y, score, treated, definition="sklift_qini"))
    with pytest.raises(InvalidInput, match="definition must be one of"):
        uplift_curve(y, score, treated, definition="sklift_quini")
