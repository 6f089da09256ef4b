"""Customer tags on the money they move: transactions of every kind, salary, and channels.

Windows end with `as_of` and include it. A count or sum is 0 for customers without rows; a recency
or a share is null for them. Amounts are added up as they are: one below 0 or infinite, against the
contract, makes its sums smaller or infinite; `Mart.check` finds such rows.
"""

from __future__ import annotations

from functools import partial

from .._tag import AS_OF, Aggregate, Formula, Tag, where
from . import _families as fam
from . import _formulas as f

INFLOWS = ("salary", "deposit", "interest", "transfer_in", "redemption")
"""Kinds of transaction that bring money in."""
OUTFLOWS = ("payment", "withdrawal", "transfer_out", "purchase", "repayment", "fee")
"""Kinds of transaction that take money out."""
OWN_KINDS = tuple(k for k in (*INFLOWS, *OUTFLOWS) if k not in ("interest", "fee"))
"""Kinds that the customer, not the bank, sets off; only these count as activity."""

_SUBJECT, _OWNER = "money moved", "retail banking"
_tag = partial(Tag, subject=_SUBJECT, owner=_OWNER)
_count = partial(fam.count, subject=_SUBJECT, owner=_OWNER)
_amount = partial(fam.amount, subject=_SUBJECT, owner=_OWNER)
_days = partial(fam.active_days, subject=_SUBJECT, owner=_OWNER)
_ratio = partial(fam.ratio, subject=_SUBJECT, owner=_OWNER)

DAYS_IDLE = _tag(
    "days_since_transaction",
    "Days since the last transaction",
    "距上次交易天数",
    "int64",
    Aggregate("transactions", "recency", where=where(kind=OWN_KINDS)),
    "Days since the last transaction other than interest and fees; null if there never was one.",
    unit="days",
)
TRANSACTIONS = {
    days: _count("transactions", "Transactions", "交易笔数", "transactions", days, "transactions")
    for days in (7, 30, 90, 180, 365)
}
INFLOW = {
    days: _amount("inflow", "Money in", "流入金额", days, kind=INFLOWS)
    for days in (7, 30, 90, 180, 365)
}
OUTFLOW = {
    days: _amount("outflow", "Money out", "流出金额", days, kind=OUTFLOWS)
    for days in (30, 90, 180, 365)
}


def _net(days: int) -> Tag:
    return _tag(
        f"net_flow_{days}d_cny",
        *fam.windowed("Money in less money out", "净流入金额", days),
        "float64",
        Formula(f.minus, (INFLOW[days], OUTFLOW[days])),
        f"inflow_{days}d_cny less outflow_{days}d_cny; negative if more went out; never null.",
        unit="CNY",
    )


def _moved(kind: str, name: str, title_en: str, title_zh: str, days: int) -> Tag:
    return _amount(name, title_en, title_zh, days, kind=kind)


_CHANNELS = fam.channel_counts("transactions", 90)
_PAYMENTS = _count("payments", "Payments", "支付笔数", "transactions", 90, "payments", kind="payment")  # fmt: skip
_PAID = _moved("payment", "payments", "Amount paid", "支付金额", 90)

MONEY_TAGS = (
    DAYS_IDLE,
    fam.since_first(
        "days_since_first_transaction", "Days since the first transaction", "距首次交易天数",
        "transactions", subject=_SUBJECT, owner=_OWNER,
    ),
    *TRANSACTIONS.values(),
    *INFLOW.values(),
    *OUTFLOW.values(),
    _net(30),
    _net(90),
    *(
        _days("transaction_days", "Days with a transaction", "有交易天数", "transactions", days)
        for days in (30, 90, 365)
    ),
    _PAYMENTS,
    _PAID,
    _ratio(
        "average_payment_90d_cny", *fam.windowed("Average payment", "笔均支付金额", 90), _PAID,
        _PAYMENTS, "payments_90d_cny for each of payments_90d; null if none.", unit="CNY",
    ),
    _amount("card_payments", "Amount paid by card", "信用卡消费金额", 90, kind="payment", category="card"),
    _moved("deposit", "deposits", "Amount deposited", "存入金额", 90),
    _moved("withdrawal", "withdrawals", "Amount withdrawn", "取现金额", 90),
    _moved("transfer_in", "transfers_in", "Transferred from elsewhere", "他行转入金额", 90),
    _moved("transfer_out", "transfers_out", "Transferred elsewhere", "转出他行金额", 90),
    _moved("repayment", "repayments", "Amount repaid", "还款金额", 90),
    _moved("interest", "interest", "Interest received", "利息收入", 365),
    _moved("fee", "fees", "Fees paid", "手续费支出", 365),
    fam.top_channel(
        "top_transaction_channel", "Channel used most to transact", "最常用交易渠道",
        "transactions", 90, subject=_SUBJECT, owner=_OWNER,
    ),
    fam.channels_used(
        "transaction_channels", "Channels used to transact", "交易渠道数", "transactions", 90,
        subject=_SUBJECT, owner=_OWNER,
    ),
    _tag(
        "mobile_share_90d",
        *fam.windowed("Share of transactions by phone", "移动端交易占比", 90),
        "float64",
        Formula(f.share_of_sum, (_CHANNELS["app"], _CHANNELS["wechat"], TRANSACTIONS[90])),
        "Transactions in app or WeChat as a share of transactions_90d; null if none.",
        unit="share",
    ),
    _ratio(
        "branch_share_90d", *fam.windowed("Share of transactions in branches", "网点交易占比", 90),
        _CHANNELS["branch"], TRANSACTIONS[90],
        "Transactions in branches as a share of transactions_90d; null if none.",
    ),
)  # fmt: skip

_LAST_SALARY = Aggregate("transactions", "max", "occurred_at", where(kind="salary"))
SALARY_AGO = _tag(
    "days_since_salary",
    "Days since the last salary",
    "距上次发薪天数",
    "int64",
    Formula(f.days_since_moment, (AS_OF, _LAST_SALARY)),
    "Days since the last salary arrived; null if none ever did.",
    unit="days",
)
SALARIES = _count("salaries", "Salaries received", "发薪次数", "transactions", 365, "salaries", kind="salary")  # fmt: skip
_SALARY_YEAR = _amount("salary", "Salary received", "工资入账金额", 365, kind="salary")

SALARY_TAGS = (
    _tag(
        "salary_found",
        "Salary is paid here",
        "代发工资客户",
        "boolean",
        Formula(f.positive, (Aggregate("transactions", "count", where=where(kind="salary"), days=60),)),
        "A salary arrived in the last 60 days; never null.",
        subject="life events",
    ),
    SALARY_AGO,
    _tag(
        "salary_day",
        "Pay-day",
        "发薪日",
        "int64",
        Formula(f.day_of_month, (_LAST_SALARY,)),
        "Day of the month on which the last salary arrived; null if none ever did.",
        unit="day of the month",
    ),
    SALARIES,
    _amount("salary", "Salary received", "工资入账金额", 90, kind="salary"),
    _SALARY_YEAR,
    _ratio(
        "average_salary_365d_cny", *fam.windowed("Average salary", "平均工资", 365), _SALARY_YEAR,
        SALARIES, "salary_365d_cny for each of salaries_365d; null if none.", unit="CNY",
    ),
)  # fmt: skip
