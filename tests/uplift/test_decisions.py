"""Decisions in money: who is worth which arm, and how sure that is."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

mpl.use("Agg")

import matplotlib.pyplot as plt

from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate
from marketing_ds.uplift.decisions import decide


@dataclass
class Known:
    """A model that is known: its uplift, standard errors and outcomes are the columns of X."""

    arms_: tuple = ("call", "sms")
    averages: tuple = (0.1, 0.1)
    error: float = 0.1
    heterogeneity_: dict = field(default_factory=dict)

    @property
    def counts_(self):
        return dict.fromkeys(("nobody", *self.arms_), 100)

    @property
    def average_effect_(self):
        pairs = zip(self.arms_, self.averages, strict=False)
        return {arm: Estimate.normal(value, 0.02, alpha=0.05) for arm, value in pairs}

    def _uplift(self, X):
        frame = X.to_pandas() if isinstance(X, pa.Table) else X
        uplift = np.asarray(frame[list(self.arms_)], dtype=float)
        return uplift[:, 0] if len(self.arms_) == 1 else uplift

    def predict(self, X, se=False):
        uplift = self._uplift(X)
        return (uplift, np.full_like(uplift, self.error)) if se else uplift

    def predict_outcomes(self, X):
        uplift = self._uplift(X).reshape(len(X), -1)
        return np.column_stack([np.full(len(X), 0.2), 0.2 + uplift])


def frame(call=(0.1, 0.3, 0.0), sms=(0.2, 0.1, -0.1)):
    return pd.DataFrame({"customer_id": ["a", "b", "c"][: len(call)], "call": call, "sms": sms})


def decided(model=None, X=None, value=10.0, cost=0.5, *, benefit=None, p_redeem=None, sure=False):
    X = frame() if X is None else X
    return decide(
        model or Known(), X, value, cost, benefit=benefit, p_redeem=p_redeem, certainty=sure
    )


def test_everyone_gets_the_arm_that_pays_most_and_control_where_none_does():
    decision = decided(cost={"call": 2.0, "sms": 0.5})
    assert decision.arm.tolist() == ["sms", "call", "nobody"]
    np.testing.assert_allclose(decision.net_values, [[-1, 1.5], [1, 0.5], [-2, -1.5]])
    np.testing.assert_allclose(decision.net_value, [1.5, 1.0, 0.0])
    np.testing.assert_allclose(decision.margin, [1.5, 0.5, 1.5])
    assert decision.p_best is None


def test_value_and_cost_may_differ_by_customer():
    decision = decided(
        value=np.array([10.0, 1.0, 10.0]), cost={"call": 0.2, "sms": pd.Series([3.0, 0.01, 0.0])}
    )
    assert decision.arm.tolist() == ["call", "call", "nobody"]
    np.testing.assert_allclose(decision.net_values[:, 1], [-1.0, 0.09, -1.0])


def test_a_benefit_is_paid_as_often_as_the_outcome_is_expected_under_the_arm():
    decision = decided(cost=0.0, benefit={"call": 5.0, "sms": 0.0})
    np.testing.assert_allclose(decision.net_values[:, 0], [1 - 1.5, 3 - 2.5, 0 - 1.0])
    np.testing.assert_allclose(decision.net_values[:, 1], [2.0, 1.0, -1.0])


def test_or_as_often_as_is_said():
    decision = decided(cost=0.0, benefit=5.0, p_redeem={"call": [0.0, 1.0, 0.0], "sms": 1.0})
    np.testing.assert_allclose(decision.net_values, [[1, -3], [-2, -4], [0, -6]])


def test_one_arm():
    model = Known(arms_=("call",))
    decision = decided(model, value=1.0, cost=0.1)
    assert decision.arm.tolist() == ["nobody", "call", "nobody"]
    np.testing.assert_allclose(decision.margin, [0, 0.2, 0.1])
    np.testing.assert_allclose(decided(model, cost={"call": 1.0}).net_values[:, 0], [0, 2, -1])


@pytest.mark.parametrize(("average", "arm"), [(0.1, "call"), (0.04, "nobody")])
def test_without_heterogeneity_all_or_none_are_treated_by_the_average(average, arm):
    found = {"call": SimpleNamespace(found=False)}
    model = Known(arms_=("call",), averages=(average,), heterogeneity_=found)
    decision = decided(model, sure=True)
    assert decision.averaged == ("call",)
    assert set(decision.arm) == {arm}
    np.testing.assert_allclose(decision.net_values, 10 * average - 0.5)
    p_treat = 0.99379 if average == 0.1 else 1 - 0.30854  # Φ(0.5/0.2), 1 − Φ(−0.1/0.2)
    np.testing.assert_allclose(decision.p_best, p_treat, atol=1e-5)
    assert decision.to_frame()["effect"].tolist()[1] == "average"


def test_where_heterogeneity_was_found_the_customers_own_effect_decides():
    told = {"call": SimpleNamespace(found=True), "sms": SimpleNamespace(found=False)}
    decision = decided(Known(heterogeneity_=told), cost=0.0)
    np.testing.assert_allclose(decision.net_values, [[1, 1], [3, 1], [0, 1]])
    assert decision.averaged == ("sms",)


def test_the_probability_of_being_best_is_what_random_draws_say():
    rng = np.random.default_rng(0)
    uplift = rng.normal(0, 0.15, (40, 2))
    X = pd.DataFrame(uplift, columns=["call", "sms"])
    decision = decided(X=X, value=2.0, cost=0.05, sure=True)
    drawn = decision.net_values[None] + 2.0 * 0.1 * rng.normal(size=(40_000, 40, 2))
    best = np.where(drawn.max(axis=2) > 0, drawn.argmax(axis=2) + 1, 0)
    share = (best == decision.choice).mean(axis=0)
    assert set(decision.choice) == {0, 1, 2}
    np.testing.assert_allclose(decision.p_best, share, atol=4 * np.sqrt(0.25 / 40_000))


def test_without_error_it_is_certain():
    decision = decided(Known(error=0.0), sure=True)
    np.testing.assert_allclose(decision.p_best, 1.0)


def test_frames_tell_customers_and_arms():
    decision = decided(cost={"call": 2.0, "sms": 0.5}, sure=True)
    customers = decision.customers()
    assert customers.columns.tolist() == ["customer_id", "arm", "net_value", "margin", "p_best"]
    assert customers["customer_id"].tolist() == ["a", "b", "c"]
    told = decision.to_frame()
    assert told["customers"].tolist() == [1, 1, 1]
    np.testing.assert_allclose(told["net_value"], [0, 1, 1.5])
    np.testing.assert_allclose(told["net_value_if_all"], [0, -2, 0.5])
    assert "net_value_if_all" in decision._repr_html_()


def test_arrow_comes_in_and_arrays_have_no_keys():
    table = pa.Table.from_pandas(frame())
    assert decided(X=table).customers()["customer_id"].tolist() == ["a", "b", "c"]
    plain = decided(X=frame().drop(columns="customer_id")).customers()
    assert plain.columns.tolist() == ["arm", "net_value", "margin"]


def test_customers_can_be_handed_to_the_judge_of_policies():
    from marketing_ds.strategy import policy_value

    data = pd.DataFrame(
        {"customer_id": ["a", "b", "c"] * 20, "arm": ["nobody", "sms", "call", "sms"] * 15}
    )
    data["customer_id"] += np.arange(60).astype(str)
    data["visit"] = np.arange(60) % 2
    X = data[["customer_id"]].assign(call=0.1, sms=0.3)
    judged = policy_value(
        data, decided(X=X).customers(), metrics=["visit"], probability=None, control="nobody"
    )
    assert judged.to_frame().loc[0, "treated_share"] == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"cost": -1.0}, "cost of 'call' must be at least 0, got -1"),
        ({"cost": {"call": 1.0}}, "name each arm beside control .*, got less; missing: 'sms'"),
        ({"cost": {"call": 1.0, "smss": 1.0}}, "got 'smss'; did you mean 'sms'"),
        ({"cost": [1.0, 2.0]}, "one number a customer: 3 rows, got 2"),
        ({"cost": [1.0]}, "one number a customer: 3 rows, got 1"),
        ({"value": float("nan")}, "value must be finite"),
        ({"value": "much"}, "value must be numeric"),
        ({"benefit": {"call": 1.0, "sms": np.inf}}, "benefit of 'sms' must be finite"),
        ({"p_redeem": 0.2}, "p_redeem must come with benefit"),
        ({"benefit": 1.0, "p_redeem": 2.0}, "p_redeem of 'call' must be between 0 and 1, got 2"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_predicted(call, message):
    model = Known()
    model.predict = None
    with pytest.raises(InvalidInput, match=message):
        decided(model, **call)


@given(
    net=arrays(float, (7, 2), elements=st.floats(-1, 1)),
    value=st.floats(0.1, 10),
    cost=st.floats(0, 1),
)
@settings(max_examples=30)
def test_no_other_choice_pays_more_and_money_scales(net, value, cost):
    X = pd.DataFrame(net, columns=["call", "sms"])
    decision = decided(X=X, value=value, cost=cost)
    options = np.column_stack([np.zeros(7), value * net - cost])
    np.testing.assert_allclose(decision.net_value, options.max(axis=1), atol=1e-12)
    ordered = np.sort(options, axis=1)
    np.testing.assert_allclose(decision.margin, ordered[:, -1] - ordered[:, -2], atol=1e-12)
    np.testing.assert_array_equal(options[np.arange(7), decision.choice], options.max(axis=1))
    cents = decided(X=X, value=100 * value, cost=100 * cost)
    np.testing.assert_allclose(cents.net_value, 100 * decision.net_value, rtol=1e-9, atol=1e-9)


def test_the_picture_shows_share_and_money_of_each_arm():
    ax = decided(cost={"call": 2.0, "sms": 0.5}).plot()
    assert [text.get_text() for text in ax.get_yticklabels()] == ["nobody", "call", "sms"]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([1 / 3] * 3)
    assert "2.5" in ax.get_title(loc="left")
    plt.close("all")
