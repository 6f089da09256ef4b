"""Segments in words, measured by customers who had no say in them."""

import re

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate
from marketing_ds.uplift.explaining.bands import band_tags
from marketing_ds.uplift.explaining.policy import policy_tree
from marketing_ds.uplift.explaining.segment_words import (
    Condition,
    conditions_in_words,
    effect_in_words,
)

from ..crossfits import crossfitted


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "channel": rng.choice(["app", "web", "branch"], 8000),
            "age": rng.integers(18, 80, 8000),
            "noise": rng.random(8000),
        }
    )


@pytest.fixture(scope="module")
def cross(X):
    """The coupon works for the young on the app and harms all others; the gift harms everybody."""
    rng = np.random.default_rng(1)
    arm = rng.choice(["control", "coupon", "gift"], 8000)
    young = ((X["channel"] == "app") & (X["age"] < 40)).to_numpy()
    coupon = np.where(young, 0.4, -0.1)
    y = rng.random(8000) < 0.2 + coupon * (arm == "coupon") - 0.08 * (arm == "gift")
    return crossfitted(X, y.astype(float), arm, np.full(3, 1 / 3))


@pytest.fixture(scope="module")
def tree(cross, X):
    return policy_tree(cross, X, ["channel", "age"], cost=0.03, bins={"age": [30, 40, 50, 60]})


def test_it_finds_who_should_get_what(tree):
    top = tree.segments[0]
    assert top.words() == "Channel is app and age below 40"
    assert top.words("zh") == "channel为app且年龄低于40"
    assert (top.arm, top.kind) == ("coupon", "persuadables")
    assert top.effect.ci_lower < 0.4 < top.effect.ci_upper


def test_sentences_say_conditions_action_effect_and_kind(tree):
    first = tree.sentences()[0]
    assert re.fullmatch(
        r"Channel is app and age below 40: send coupon; "
        r"\+\d\d\.\d points \[\d\d\.\d, \d\d\.\d\]; persuadables",
        first,
    )
    assert re.fullmatch(
        r"channel为app且年龄低于40：发放 coupon；\+\d\d\.\d 个百分点 \[\d\d\.\d, \d\d\.\d\]；说服型",
        tree.sentences("zh")[0],
    )
    assert any(": send nothing; " in one and "would bring" in one for one in tree.sentences())
    assert any("：不投放；" in one and "的效果" in one for one in tree.sentences("zh"))
    assert tree.sentences()[-1].endswith("segments pay")
    assert tree.sentences("zh")[-1].endswith("分群有价值")


def test_only_the_judging_folds_measure(tree, cross, X):
    top = tree.segments[0]
    there = ((X["channel"] == "app") & (X["age"] < 40)).to_numpy() & (cross.folds >= 3)
    own = cross.psi[there, 0]
    assert top.measured == there.sum()
    assert top.effect.value == pytest.approx(own.mean())
    assert top.effect.se == pytest.approx(own.std(ddof=1) / np.sqrt(len(own)))
    assert top.value.value == pytest.approx(own.mean() - 0.03)
    assert top.effects["gift"].value == pytest.approx(cross.psi[there, 1].mean())


def test_the_value_is_that_of_giving_everyone_the_segments_arm(tree, cross, X):
    given = tree.assign(X)
    judging = cross.folds >= 3
    brought = np.zeros(8000)
    for at, arm in enumerate(("coupon", "gift")):
        brought += np.where(given == arm, cross.psi[:, at] - 0.03, 0)
    assert tree.value.value == pytest.approx(brought[judging].mean())
    single = cross.psi[~judging].mean(axis=0) - 0.03
    plain = cross.psi[:, single.argmax()] - 0.03 if single.max() > 0 else np.zeros(8000)
    assert tree.gain.value == pytest.approx((brought - plain)[judging].mean())
    assert tree.gain.ci_lower > 0


def test_judging_folds_decide_nothing(cross, X, tree):
    other = type(cross)(
        **{**vars(cross), "psi": np.where((cross.folds >= 3)[:, None], -cross.psi, cross.psi)}
    )
    again = policy_tree(other, X, ["channel", "age"], cost=0.03, bins={"age": [30, 40, 50, 60]})
    assert {one.words() for one in again.segments} == {one.words() for one in tree.segments}
    assert again.value.value < 0


def test_new_customers_are_assigned_by_the_tags_asked_about(tree):
    few = pd.DataFrame({"age": [20, 70, 20], "channel": ["app", "branch", "new"]})
    assert tree.assign(few).tolist()[:2] == ["coupon", "control"]
    with pytest.raises(InvalidInput, match=r"X must have the column\(s\) 'channel'"):
        tree.assign(few[["age"]])


def test_segments_partition_the_customers(tree, X):
    frame = tree.to_frame()
    assert frame["customers"].sum() == len(X)
    assert frame["customer_share"].sum() == pytest.approx(1)
    counts = np.bincount(tree.segment_of(X), minlength=len(frame))
    assert counts.tolist() == frame["customers"].tolist()
    assert frame["value"].is_monotonic_decreasing


def test_kinds_are_told_in_chinese(tree):
    assert tree.to_frame(language="zh")["kind"].iloc[0] == "说服型"


def test_without_heterogeneity_there_is_one_answer_for_everybody(X):
    rng = np.random.default_rng(2)
    arm = rng.choice(["control", "coupon"], 8000)
    y = (rng.random(8000) < 0.2 + 0.2 * (arm == "coupon")).astype(float)
    tree = policy_tree(crossfitted(X, y, arm, np.full(2, 0.5)), X)
    assert [one.words() for one in tree.segments] == ["Everyone"]
    assert tree.gain == Estimate(0.0, 0.0, 0.0, 0.0)
    assert "One answer for everybody" in tree.sentences()[-1]
    assert "统一投放" in tree.sentences("zh")[-1]
    assert set(tree.assign(X)) == {"coupon"}


def test_costs_and_values_may_differ_by_arm(cross, X):
    dear = policy_tree(cross, X, cost={"coupon": 9.0, "gift": 0.0})
    assert "coupon" not in {one.arm for one in dear.segments}
    worthless = policy_tree(cross, X, value={"coupon": 1.0, "gift": 0.0}, cost=0.001)
    assert "gift" not in {one.arm for one in worthless.segments}


def test_effects_can_be_set_apart_without_a_decision(cross, X):
    tree = policy_tree(cross, X, aim="effect", cost=-1.0, bins={"age": [30, 40, 50, 60]})
    assert {one.arm for one in tree.segments} <= {"coupon", "gift"}
    assert len(tree.segments) == 4 or len(tree.segments) == 3
    effects = [one.effects["coupon"].value for one in tree.segments]
    assert max(effects) > 0.3
    assert min(effects) < -0.05


def test_gain_that_is_not_clear_is_told_so(cross, X):
    tree = policy_tree(cross, X[["noise"]], aim="effect", min_share=0.3)
    if len(tree.segments) == 1:
        assert tree.gain.se == 0
    flat = type(tree)(**{**vars(tree), "gain": Estimate(0.001, 0.002, -0.003, 0.005)})
    assert flat.sentences()[-1].endswith("not shown to pay more than one answer for everybody")
    assert flat.sentences("zh")[-1].endswith("分群的收益未能确认")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 5}, "depth must be between 1 and 4, got 5"),
        ({"aim": "values"}, "did you mean 'value'"),
        ({"min_share": 0.9}, "min_share must be between"),
        ({"measured_share": 1}, "measured_share must be between 0.1 and 0.9"),
        ({"alpha": 0}, "alpha must be between"),
        ({"cost": {"coupon": 1.0}}, "cost must have one number an arm"),
        ({"value": "much"}, "value must be a number"),
        ({"by": ["agee"]}, "did you mean 'age'"),
    ],
)
def test_refuses(cross, X, options, message):
    with pytest.raises(InvalidInput, match=message):
        policy_tree(cross, X, **options)


def test_refuses_one_fold(cross, X):
    one = type(cross)(**{**vars(cross), "folds": np.zeros(8000, dtype=np.int8)})
    with pytest.raises(InvalidInput, match="at least two folds, got one"):
        policy_tree(one, X)


def conditions(frame, bins, bands):
    (tag,) = band_tags(frame, None, rows=len(frame), bins={frame.columns[0]: bins})
    said = Condition(tag, tuple(bands(tag)))
    return said.words("en"), said.words("zh")


@pytest.mark.parametrize(
    ("bands", "english", "chinese"),
    [
        ([0], "age below 30", "年龄低于30"),
        ([0, 1], "age below 50", "年龄低于50"),
        ([1], "age 30 to 49", "年龄为30至49"),
        ([2], "age at least 50", "年龄不低于50"),
        ([2, 3], "age at least 50 or unknown", "年龄不低于50或未知"),
        ([3], "age is unknown", "年龄未知"),
        ([0, 1, 2], "age is known", "年龄已知"),
    ],
)
def test_numbers_in_words(bands, english, chinese):
    frame = pd.DataFrame({"age": [20.0, 35.0, 60.0, None]})
    assert conditions(frame, [30, 50], lambda tag: bands) == (english, chinese)


def test_heavy_values_in_words():
    frame = pd.DataFrame({"visits": [0] * 50 + list(range(1, 51))})
    assert conditions(frame, 5, lambda tag: [0]) == ("visits is 0", "visits为0")
    assert conditions(frame, 5, lambda tag: range(1, tag.known)) == (
        "visits above 0",
        "visits高于0",
    )
    frame = pd.DataFrame({"visits": list(range(-50, 0)) + [0] * 50 + list(range(1, 51))})
    heavy = lambda tag: range([tag.label(at) for at in range(tag.size)].index("0") + 1)  # noqa: E731
    assert conditions(frame, 5, heavy) == ("visits at most 0", "visits不高于0")


def test_words_in_words():
    frame = pd.DataFrame({"tier": ["a", "b", "c", "d"]})
    assert conditions(frame, 5, lambda tag: [0]) == ("tier is a", "tier为a")
    assert conditions(frame, 5, lambda tag: [0, 1]) == ("tier is a or b", "tier为a或b")
    assert conditions(frame, 5, lambda tag: [0, 1, 3]) == ("tier is not c", "tier不为c")


def test_booleans_and_dates_in_words():
    assert conditions(pd.DataFrame({"vip": [True, False]}), 5, lambda tag: [1]) == (
        "vip is yes",
        "vip为是",
    )
    days = pd.DataFrame({"opened": pd.to_datetime(["2024-01-05", "2025-01-05"])})
    assert conditions(days, ["2025-01-01"], lambda tag: [0]) == (
        "opened before 2025-01-01",
        "opened为2025-01-01以前",
    )


def test_abbreviations_keep_their_letters():
    frame = pd.DataFrame({"AUM": [1.0, 1.2, 2.0]})
    assert conditions(frame, [1.5], lambda tag: [0])[0] == "AUM below 1.5"


def test_nobody_is_left_out_without_conditions():
    assert conditions_in_words((), "en") == "Everyone"
    assert conditions_in_words((), "zh") == "所有客户"


@pytest.mark.parametrize(
    ("effect", "binary", "english", "chinese"),
    [
        (
            Estimate(0.021, 0.0046, 0.012, 0.030),
            True,
            "+2.1 points [1.2, 3.0]",
            "+2.1 个百分点 [1.2, 3.0]",
        ),
        (
            Estimate(-0.0004, 0.0003, -0.001, 0.0002),
            True,
            "-0.04 points [-0.10, 0.02], not distinguishable from zero",
            "-0.04 个百分点 [-0.10, 0.02]，与零无显著差异",
        ),
        (
            Estimate(3.5, 1.0, 1.5, 5.5),
            False,
            "+3.5 per customer [1.5, 5.5]",
            "每名客户 +3.5 [1.5, 5.5]",
        ),
        (Estimate(*[float("nan")] * 4), True, "effect not measured", "效果未测得"),
    ],
)
def test_effects_in_words(effect, binary, english, chinese):
    assert effect_in_words(effect, binary=binary, language="en") == english
    assert effect_in_words(effect, binary=binary, language="zh") == chinese
