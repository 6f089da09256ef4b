"""Public data under the contract: valid, and still the same data."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from marketing_ds import datasets
from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import evaluate_campaign
from marketing_ds.mart import open_mart

PUBLISHED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "reference/public_data.json").read_text("utf-8")
)
HILLSTROM_ARMS = {
    "control": "No E-Mail",
    "mens_email": "Mens E-Mail",
    "womens_email": "Womens E-Mail",
}
Query = Callable[[str], list[tuple[Any, ...]]]


def query_on(folder: Path) -> Query:
    """SQL over the Parquet files, past every code of ours."""
    con = duckdb.connect()
    for file in folder.glob("*.parquet"):
        con.execute(f"CREATE VIEW {file.stem} AS SELECT * FROM read_parquet('{file}')")
    return lambda sql: con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def hillstrom(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return datasets.to_mart("hillstrom", tmp_path_factory.mktemp("public") / "hillstrom")


@pytest.fixture(scope="module")
def berka(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return datasets.to_mart("berka", tmp_path_factory.mktemp("public") / "berka")


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return datasets.to_mart("complete_journey", tmp_path_factory.mktemp("public") / "journey")


def test_every_public_mart_has_a_name() -> None:
    assert set(datasets.PUBLIC_MARTS) == {"hillstrom", "complete_journey", "berka"}


def test_an_unknown_name_is_refused_before_work(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="name must be one of 'hillstrom'"):
        datasets.to_mart("bank_marketing", tmp_path / "mart")
    assert not list(tmp_path.iterdir())


class TestHillstrom:
    published = PUBLISHED["hillstrom"]

    def test_keeps_the_contract(self, hillstrom: Path, tmp_path: Path) -> None:
        with open_mart(hillstrom, workspace=tmp_path) as mart:
            assert mart.check().to_frame().to_dict("records") == []
            assert mart.last_date == dt.date(2008, 3, 20)

    def test_gives_the_published_rates_by_arm(self, hillstrom: Path) -> None:
        rates = query_on(hillstrom)(
            "SELECT arm, count(*), round(100 * avg(value), 2) FROM assignments "
            "JOIN campaign_outcomes USING (customer_id, campaign_id) WHERE outcome = 'visit' GROUP BY arm"
        )
        assert {HILLSTROM_ARMS[arm]: count for arm, count, _ in rates} == self.published["arms"]
        assert {HILLSTROM_ARMS[arm]: rate for arm, _, rate in rates} == self.published[
            "visit_percent"
        ]

    def test_gives_the_published_conversion_and_spend(self, hillstrom: Path) -> None:
        means = dict(
            query_on(hillstrom)(
                "SELECT outcome, avg(value) FROM campaign_outcomes GROUP BY outcome"
            )
        )
        assert round(100 * means["conversion"], 3) == self.published["conversion_percent"]
        assert round(means["spend"], 3) == self.published["spend"]

    def test_what_was_known_before_is_dated_before_the_draw_and_outcomes_after(
        self, hillstrom: Path
    ) -> None:
        ((known, drawn, observed),) = query_on(hillstrom)(
            "SELECT (SELECT max(effective_on) FROM customer_attributes), "
            "(SELECT min(assigned_at)::DATE FROM assignments), "
            "(SELECT min(observed_on) FROM campaign_outcomes)"
        )
        assert known == drawn - dt.timedelta(days=1)
        assert observed == drawn + dt.timedelta(days=14)

    def test_no_outcome_is_an_attribute(self, hillstrom: Path) -> None:
        names = query_on(hillstrom)("SELECT DISTINCT attribute FROM customer_attributes")
        assert {name for (name,) in names} == set(self.published["columns"]) - {
            "segment",
            "visit",
            "conversion",
            "spend",
        }

    def test_a_customer_keeps_its_row(self, hillstrom: Path) -> None:
        row = datasets.load_hillstrom().frame.iloc[12344]
        facts = query_on(hillstrom)(
            "SELECT attribute, coalesce(number::VARCHAR, text) FROM customer_attributes "
            "WHERE customer_id = 'H012345'"
        )
        assert len(facts) == 8
        for name, value in facts:
            assert (value if isinstance(row[name], str) else float(value)) == row[name], name

    def test_arms_have_equal_probability(self, hillstrom: Path) -> None:
        assert query_on(hillstrom)("SELECT DISTINCT probability FROM assignments") == [(1 / 3,)]

    def test_costs_and_worth_are_parameters_with_documented_defaults(
        self, hillstrom: Path, tmp_path: Path
    ) -> None:
        sql = "SELECT DISTINCT contact_cost_cny, round(value_cny, 2) FROM offers"
        assert query_on(hillstrom)(sql) == [(0.10, 7.16)]
        other = datasets.to_mart("hillstrom", tmp_path / "mart", mail_cost=0.25, visit_value=3)
        assert query_on(other)(sql) == [(0.25, 3.0)]

    @pytest.mark.usefixtures("data_dir")
    @pytest.mark.parametrize("wrong", [{"mail_cost": -1}, {"visit_value": "much"}])
    def test_impossible_amounts_are_refused(self, tmp_path: Path, wrong: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput, match=next(iter(wrong))):
            datasets.load_hillstrom().to_mart(tmp_path / "mart", **wrong)
        assert not list(tmp_path.iterdir())

    def test_written_twice_the_bytes_agree(self, hillstrom: Path, tmp_path: Path) -> None:
        again = datasets.to_mart("hillstrom", tmp_path / "mart")
        for file in hillstrom.iterdir():
            assert (again / file.name).read_bytes() == file.read_bytes(), file.name


class TestBerka:
    def test_keeps_the_contract(self, berka: Path, tmp_path: Path) -> None:
        with open_mart(berka, workspace=tmp_path) as mart:
            assert mart.check().to_frame().to_dict("records") == []
            last = datasets.load_berka().tables["trans"]["date"].max()
            assert mart.last_date == last.date()

    def test_nothing_lies_after_the_last_transaction(self, berka: Path) -> None:
        last = datasets.load_berka().tables["trans"]["date"].max().date()
        ask = query_on(berka)
        assert ask("SELECT max(opened_on) FROM customers")[0][0] <= last
        assert ask("SELECT max(snapshot_date) FROM holdings")[0][0] <= last
        assert ask("SELECT max(recorded_on) FROM transactions")[0][0] <= last

    def test_amounts_by_kind_are_those_published(self, berka: Path) -> None:
        trans = datasets.load_berka().tables["trans"]
        totals = {
            kind: (count, round(total, 2))
            for kind, count, total in query_on(berka)(
                "SELECT kind, count(*), sum(amount_cny) FROM transactions "
                "WHERE transaction_id LIKE 'T%' GROUP BY kind"
            )
        }
        assert sum(count for count, _ in totals.values()) == len(trans)
        for kind, symbols in {
            "interest": ["UROK"],
            "fee": ["SLUZBY", "SANKC. UROK"],
            "salary": ["DUCHOD"],
            "repayment": ["UVER"],
        }.items():
            amounts = trans[trans["k_symbol"].isin(symbols)]["amount"]
            assert totals[kind] == (len(amounts), round(float(amounts.sum()), 2)), kind

    def test_income_and_outgo_are_those_published(self, berka: Path) -> None:
        trans = datasets.load_berka().tables["trans"]
        ((income,),) = query_on(berka)(
            "SELECT sum(amount_cny) FROM transactions "
            "WHERE kind IN ('salary', 'deposit', 'interest', 'transfer_in')"
        )
        assert income == pytest.approx(trans.query("type == 'PRIJEM'")["amount"].sum(), abs=0.005)

    def test_month_end_balance_is_that_after_the_last_transaction(self, berka: Path) -> None:
        tables = datasets.load_berka().tables
        (owner,) = tables["disp"].query("account_id == 2378 and type == 'OWNER'")["client_id"]
        held = query_on(berka)(
            f"SELECT balance_cny FROM holdings WHERE customer_id = 'B{owner:05d}' "
            "AND product_id = 'current_account' AND snapshot_date = DATE '1993-01-31'"
        )
        # By hand from the file: withdrawn on 1993-01-31 after the interest of that day was added.
        january = tables["trans"].query("account_id == 2378 and date <= '1993-01-31'")
        assert held == [(january["balance"].iloc[-1],)]

    def test_a_loan_is_paid_off_by_its_schedule(self, berka: Path) -> None:
        # Loan 5314: 96,396 granted on 1993-07-05 to account 1787 over 12 months of 8,033.
        tables = datasets.load_berka().tables
        (owner,) = tables["disp"].query("account_id == 1787 and type == 'OWNER'")["client_id"]
        held = query_on(berka)(
            "SELECT snapshot_date, balance_cny, matures_on FROM holdings "
            f"WHERE customer_id = 'B{owner:05d}' AND product_id = 'loan' ORDER BY 1 LIMIT 3"
        )
        due = dt.date(1994, 7, 5)
        assert held == [
            (dt.date(1993, 7, 31), 96396.0, due),
            (dt.date(1993, 8, 31), 88363.0, due),
            (dt.date(1993, 9, 30), 80330.0, due),
        ]

    def test_loans_and_cards_are_bought_on_their_day(self, berka: Path) -> None:
        bought = query_on(berka)(
            "SELECT transaction_id, product_id, occurred_at::DATE, amount_cny FROM transactions "
            "WHERE transaction_id IN ('L0005314', 'C0001005') AND kind = 'purchase' ORDER BY 1"
        )
        assert bought == [
            ("C0001005", "card_classic", dt.date(1993, 11, 7), 0.0),
            ("L0005314", "loan", dt.date(1993, 7, 5), 96396.0),
        ]

    def test_birth_number_tells_year_and_gender(self, berka: Path) -> None:
        # Clients 2 (born 45-02-04) and 3 (born 40-10-09, a woman: month + 50) share account 2.
        people = query_on(berka)(
            "SELECT customer_id, birth_year, gender FROM customers "
            "WHERE customer_id IN ('B00002', 'B00003') ORDER BY 1"
        )
        assert people == [("B00002", 1945, "M"), ("B00003", 1940, "F")]

    def test_consent_is_a_parameter(self, berka: Path, tmp_path: Path) -> None:
        sql = "SELECT DISTINCT consent_email, consent_phone FROM customers"
        assert query_on(berka)(sql) == [(True, False)]
        other = datasets.to_mart("berka", tmp_path / "mart", consent=("phone",))
        assert query_on(other)(sql) == [(False, True)]


class TestCompleteJourney:
    def test_keeps_the_contract(self, journey: Path, tmp_path: Path) -> None:
        with open_mart(journey, workspace=tmp_path) as mart:
            assert mart.check().to_frame().to_dict("records") == []
            assert mart.last_date == dt.date(2018, 1, 1)

    def test_a_campaign_is_judged_as_notebook_09_does(self, journey: Path, tmp_path: Path) -> None:
        """Coupons went to good customers: all others stand in for control, adjusted."""
        with open_mart(journey, workspace=tmp_path) as mart:
            found = evaluate_campaign(mart, "journey_13", covariates=[], segments=[])
            row = found.to_frame().iloc[0]
            pages = [found.report(tmp_path / f"{n}.html", language=n) for n in ("en", "zh")]
            published = mart.publish(
                "effects", found.effects_table(), name="journey_13", as_of=mart.last_date
            )
            assert published.rows == 1
        assert found.blocked
        assert found.verdict.startswith("Not randomised: weaker evidence. purchases_cny: coupons")
        assert (row["n_control"], row["n_arm"]) == (1_392, 1_077)
        assert row["naive_effect"] == pytest.approx(264, abs=0.5)
        assert 0 < row["effect"] < 0.2 * row["naive_effect"]
        assert set(found.left_out) == {"roi", "customers", "channels"}
        assert "others_together" in found.products.notes
        assert all(page.stat().st_size > 20_000 for page in pages)

    def test_every_line_of_a_receipt_is_there(self, journey: Path) -> None:
        lines = datasets.load_complete_journey().tables["transactions"]
        ((count, total, households),) = query_on(journey)(
            "SELECT count(*), sum(amount_cny), count(DISTINCT customer_id) FROM transactions "
            "WHERE kind = 'purchase'"
        )
        assert count == len(lines)
        assert total == pytest.approx(lines["sales_value"].sum(), abs=0.01)
        assert households == PUBLISHED["complete_journey"]["households"]

    def test_each_campaign_keeps_its_households(self, journey: Path) -> None:
        received = datasets.load_complete_journey().tables["campaigns"]
        counts = query_on(journey)("SELECT campaign_id, count(*) FROM assignments GROUP BY 1")
        assert {int(name.removeprefix("journey_")): count for name, count in counts} == (
            received.groupby("campaign_id").size().to_dict()
        )

    def test_each_redemption_is_one_grant(self, journey: Path) -> None:
        redeemed = datasets.load_complete_journey().tables["coupon_redemptions"]
        ((count, days),) = query_on(journey)(
            "SELECT count(*), count(DISTINCT redeemed_at) FROM benefit_grants WHERE redeemed_at IS NOT NULL"
        )
        assert count == len(redeemed)
        assert days == redeemed["redemption_date"].nunique()

    def test_types_b_and_c_are_granted_to_all_who_received_them(self, journey: Path) -> None:
        # Campaign 3 (type C): 12 households × 34 coupons.
        grants = query_on(journey)(
            "SELECT count(DISTINCT (customer_id, benefit_id)) FROM benefit_grants "
            "WHERE campaign_id = 'journey_03'"
        )
        assert grants == [(12 * 34,)]

    def test_type_a_has_only_the_redeemed_ones(self, journey: Path) -> None:
        open_grants = query_on(journey)(
            "SELECT count(*) FROM benefit_grants WHERE redeemed_at IS NULL "
            "AND campaign_id IN ('journey_08', 'journey_13', 'journey_18', 'journey_27')"
        )
        assert open_grants == [(0,)]

    def test_only_redeemed_coupons_cost(self, journey: Path) -> None:
        wrong = query_on(journey)(
            "SELECT count(*) FROM benefit_grants AS g JOIN benefits USING (benefit_id) "
            "WHERE g.cost_cny != CASE WHEN redeemed_at IS NULL THEN 0 ELSE face_value_cny END"
        )
        assert wrong == [(0,)]

    def test_goods_sold_without_description_are_named_so(self, journey: Path) -> None:
        ((unknown, named),) = query_on(journey)(
            "SELECT count(*) FILTER (name = 'not described'), "
            "count(*) FILTER (name = 'GROCERY / FRZN ICE / ICE - CRUSHED/CUBED') FROM products"
        )
        panel = datasets.load_complete_journey().tables
        described = set(panel["products"]["product_id"])
        assert unknown >= len(set(panel["transactions"]["product_id"]) - described)
        assert named >= 1

    def test_demographics_become_attributes(self, journey: Path) -> None:
        ((households, names),) = query_on(journey)(
            "SELECT count(DISTINCT customer_id), count(DISTINCT attribute) FROM customer_attributes"
        )
        assert (households, names) == (801, 7)
