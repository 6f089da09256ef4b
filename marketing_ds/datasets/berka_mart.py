"""The Czech bank's tables laid under the mart's contract; `Berka.to_mart` says what is assumed."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from .public_mart import attributes_frame, customers_frame

ACCOUNT, LOAN = "current_account", "loan"
_CARDS = {"junior": "card_junior", "classic": "card_classic", "gold": "card_gold"}
_LAUNCHED_ON = pd.Timestamp("1993-01-01")

# The bank's own purpose of a transaction says more than the way of payment, so it goes first.
_KIND_BY_PURPOSE = {
    "UROK": "interest",
    "SANKC. UROK": "fee",
    "SLUZBY": "fee",
    "DUCHOD": "salary",
    "UVER": "repayment",
    "SIPO": "payment",
    "POJISTNE": "payment",
    "LEASING": "payment",
}
_KIND_BY_OPERATION = {
    "VKLAD": "deposit",
    "VYBER": "withdrawal",
    "VYBER KARTOU": "withdrawal",
    "PREVOD Z UCTU": "transfer_in",
    "PREVOD NA UCET": "transfer_out",
}

NOTES = (
    "Amounts are in CZK. Consent is an assumption (none was published). Transactions and accounts belong to the "
    "account's owner; who may only dispose of an account has neither. Opened_on is the account's date. Pensions are "
    "of kind salary; a loan granted and a card issued are a purchase. A loan's balance is the scheduled one; an "
    "overdrawn account's balance is 0; a card's balance is 0. Nothing dated after the last transaction is taken. "
    "Products are launched on 1993-01-01, the first day of the data. Left out for want of a date: standing orders, "
    "the final status of a loan, facts of districts other than their region."
)


def mart_tables(
    tables: Mapping[str, pd.DataFrame], consent: Collection[str]
) -> dict[str, pd.DataFrame]:
    """The contract's tables from the published ones, as the bank stood on the last transaction's day."""
    last_day: pd.Timestamp = tables["trans"]["date"].max()
    accounts = tables["account"].query("date <= @last_day")
    clients = _clients(tables, accounts)
    owners = clients[clients["type"] == "OWNER"].set_index("account_id")["customer_id"]
    loans = tables["loan"].query("date <= @last_day").assign(product_id=LOAN)
    loans["customer_id"] = loans["account_id"].map(owners)
    cards = tables["card"].query("issued <= @last_day")
    cards = cards.assign(product_id=cards["type"].map(_CARDS)).merge(
        clients[["disp_id", "customer_id"]], on="disp_id"
    )
    return {
        "customers": _customers(clients, consent),
        "products": _products(),
        "holdings": pd.concat(
            [
                _account_holdings(tables["trans"], owners, last_day),
                _loan_holdings(loans, last_day),
                _card_holdings(cards, last_day),
            ],
            ignore_index=True,
        ).sort_values(["customer_id", "product_id", "snapshot_date"], ignore_index=True),
        "transactions": _transactions(tables["trans"], owners, loans, cards),
        "customer_attributes": attributes_frame(
            clients["customer_id"],
            clients["date"],
            clients[["frequency", "type"]].rename(
                columns={"frequency": "statement_frequency", "type": "disposition"}
            ),
        ),
    }


def _clients(tables: Mapping[str, pd.DataFrame], accounts: pd.DataFrame) -> pd.DataFrame:
    """One row per client whose account is open; each client has exactly one disposition."""
    regions = tables["district"].set_index("A1")["A3"]
    clients = (
        tables["client"]
        .merge(tables["disp"], on="client_id")
        .merge(accounts, on="account_id", suffixes=("", "_of_branch"))
        .sort_values("client_id", ignore_index=True)
    )
    return clients.assign(
        customer_id="B" + clients["client_id"].astype("str").str.zfill(5),
        region=clients["district_id"].map(regions),
        branch_id="D" + clients["district_id_of_branch"].astype("str").str.zfill(2),
    )


def _customers(clients: pd.DataFrame, consent: Collection[str]) -> pd.DataFrame:
    # YYMMDD, with 50 added to the month of women.
    born = clients["birth_number"]
    return customers_frame(
        clients["customer_id"],
        clients["date"].dt.date,
        consent,
        birth_year=1900 + born.str[:2].astype("int64"),
        gender=np.where(born.str[2:4].astype("int64") > 50, "F", "M"),
        region=clients["region"],
        branch_id=clients["branch_id"],
    )


def _products() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "product_id": [ACCOUNT, LOAN, *_CARDS.values()],
            "name": ["Current account", "Loan", *(f"{kind.title()} card" for kind in _CARDS)],
            "category": ["deposit", "loan", *("card" for _ in _CARDS)],
            "launched_on": _LAUNCHED_ON.date(),
        }
    ).sort_values("product_id", ignore_index=True)


def _transactions(
    trans: pd.DataFrame, owners: pd.Series, loans: pd.DataFrame, cards: pd.DataFrame
) -> pd.DataFrame:
    kind = (
        trans["k_symbol"].map(_KIND_BY_PURPOSE).fillna(trans["operation"].map(_KIND_BY_OPERATION))
    )
    moved = pd.DataFrame(
        {
            "transaction_id": "T" + trans["trans_id"].astype("str").str.zfill(7),
            "customer_id": trans["account_id"].map(owners),
            "product_id": pd.Series(LOAN, index=trans.index).where(kind == "repayment"),
            "occurred_at": trans["date"],
            "kind": kind,
            "amount_cny": trans["amount"],
        }
    )
    granted = pd.DataFrame(
        {
            "transaction_id": "L" + loans["loan_id"].astype("str").str.zfill(7),
            "customer_id": loans["customer_id"],
            "product_id": LOAN,
            "occurred_at": loans["date"],
            "kind": "purchase",
            "amount_cny": loans["amount"].astype("float64"),
        }
    )
    issued = pd.DataFrame(
        {
            "transaction_id": "C" + cards["card_id"].astype("str").str.zfill(7),
            "customer_id": cards["customer_id"],
            "product_id": cards["product_id"],
            "occurred_at": cards["issued"],
            "kind": "purchase",
            "amount_cny": 0.0,
        }
    )
    table = pd.concat([moved, granted, issued], ignore_index=True)
    table["recorded_on"] = table["occurred_at"].dt.date
    return table.sort_values("transaction_id", ignore_index=True)


def _account_holdings(
    trans: pd.DataFrame, owners: pd.Series, last_day: pd.Timestamp
) -> pd.DataFrame:
    """The balance after the last transaction of each month, carried through months without one."""
    # Of one day's transactions the file's order says which was last.
    month = trans["date"].dt.to_period("M")
    ends = trans.assign(month=month).sort_values("date", kind="stable")
    last = ends.groupby(["month", "account_id"], as_index=False)["balance"].last()
    wide = last.pivot(index="month", columns="account_id", values="balance").ffill()
    table = wide.reset_index().melt("month", value_name="balance_cny").dropna()
    return _at_month_ends(
        table.assign(
            customer_id=table["account_id"].map(owners),
            product_id=ACCOUNT,
            balance_cny=table["balance_cny"].clip(lower=0),
        ),
        last_day,
    )


def _loan_holdings(loans: pd.DataFrame, last_day: pd.Timestamp) -> pd.DataFrame:
    """The scheduled balance: as published, the instalments add up to the amount, without interest."""
    months = loans["duration"].to_numpy()
    table = loans.loc[loans.index.repeat(months)].copy()
    elapsed = np.concatenate([np.arange(n) for n in months]) if len(months) else months
    start = table["date"].dt.to_period("M")
    table["month"] = start + elapsed
    table["balance_cny"] = table["amount"] - table["payments"] * elapsed
    final_month = (start + table["duration"]).dt.to_timestamp()
    final_day = np.minimum(
        table["date"].dt.day, final_month.dt.days_in_month
    )  # 31st in short months
    table["matures_on"] = (final_month + pd.to_timedelta(final_day - 1, unit="D")).dt.date
    return _at_month_ends(table, last_day)


def _card_holdings(cards: pd.DataFrame, last_day: pd.Timestamp) -> pd.DataFrame:
    start = cards["issued"].dt.to_period("M")
    months = (last_day.to_period("M").ordinal - start.map(lambda month: month.ordinal) + 1).astype(
        int
    )
    table = cards.loc[cards.index.repeat(months)].copy()
    elapsed = np.concatenate([np.arange(n) for n in months]) if len(months) else months.to_numpy()
    table["month"] = table["issued"].dt.to_period("M") + elapsed
    return _at_month_ends(table.assign(balance_cny=0.0), last_day)


def _at_month_ends(table: pd.DataFrame, last_day: pd.Timestamp) -> pd.DataFrame:
    table = table.assign(snapshot_date=table["month"].dt.to_timestamp(how="end").dt.normalize())
    table = table[table["snapshot_date"] <= last_day]
    columns = ["customer_id", "product_id", "snapshot_date", "balance_cny", "matures_on"]
    return table.assign(snapshot_date=table["snapshot_date"].dt.date).reindex(columns=columns)
