"""Hillstrom: the e-mail test of 2008, 64,000 customers drawn at random into three arms."""

from __future__ import annotations

import datetime as dt
import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_number
from marketing_ds.schema import CONTROL

from .public_data import PublicFrame
from .public_files import PublicFile, read_public
from .public_mart import attributes_frame, customers_frame, write_public_mart

_FILE = PublicFile(
    "hillstrom/hillstrom.csv",
    "0e5893329d8b93cefecc571777672028290ab69865718020c78c7284f291aece",
    "http://www.minethatdata.com/"
    "Kevin_Hillstrom_MineThatData_E-MailAnalytics_DataMiningChallenge_2008.03.20.csv",
)
_ARMS = {"No E-Mail": CONTROL, "Mens E-Mail": "mens_email", "Womens E-Mail": "womens_email"}
_OUTCOMES = ("conversion", "spend", "visit")

CAMPAIGN_ID = "hillstrom_2008"
"""The one campaign of the Hillstrom mart."""
# The file gives no dates. The outcomes are those of the two weeks after the mailing, and all was published on
# 2008-03-20: the latest dates that fit. Only their order has a meaning.
_OPENED_ON = dt.date(2007, 1, 1)
_FEATURES_ON = dt.date(2008, 3, 5)
_ASSIGNED_AT = dt.datetime(2008, 3, 6, 9)
_OBSERVED_ON = dt.date(2008, 3, 20)
_WINDOW_DAYS = 14

_NOTES = (
    "Stand-ins, since nothing was published: all dates (the mailing on 2008-03-06, what was known before it on "
    "2008-03-05, outcomes two weeks later), opened_on, consent (e-mail only: all were on the mailing list), the "
    "cost of a mail and the worth of a visit (mean spend per visitor: revenue, not margin). Amounts are in USD. "
    "There are no contacts: opens and clicks were not published, and unknown is not none."
)

# What the notebooks of the loop need to know of this mart: its tags are other than a bank's.
_PARAMETERS = """\
[03_profile]
rule = "attr_history >= 300"
segment = "spent_300"

[04_lookalike]
size = 5000

[05_propensity]
outcome = "visit"

[07_plan]
budget_cny = {budget:.2f}  # mails for half of the customers

[09_evaluate]
metrics = ["visit", "conversion", "spend"]
covariates = ["attr_history", "attr_recency"]
plan_metrics = ["visit", "spend"]
money_metric = "spend"

[10_next_best]
products = ["visit", "conversion"]
shown = 1
tags = []
"""


@dataclass(frozen=True, eq=False)
class Hillstrom(PublicFrame):
    """The e-mail test of 2008; `frame` has one row a customer."""

    def to_mart(
        self,
        directory: str | os.PathLike[str],
        *,
        mail_cost: float = 0.10,
        visit_value: float | None = None,
    ) -> Path:
        """Lay the test under the mart's contract.

        Customers ``H000001`` … in the order of the file; what was known of them as `customer_attributes`
        (effective the day before the mailing); one randomised campaign with its `offers`, `assignments` (each arm
        with probability 1/3) and `campaign_outcomes` (``visit``, ``conversion``, ``spend``, a row for everyone).
        A file `parameters.toml` sets what the loop's notebooks need here: a rule on the attributes, and a budget
        that mails half of the customers.

        Parameters
        ----------
        directory : path
            A folder that is new, empty, or holds an earlier mart of Hillstrom (replaced).
        mail_cost : float, default 0.10
            Cost of one e-mail in USD; an assumption, none was published.
        visit_value : float, optional
            Worth of one visit in USD; by default the mean spend per visitor in the data (7.16). That is revenue:
            give your margin for a decision.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        InvalidInput
            If an amount is negative, or `directory` holds anything else.

        Notes
        -----
        The file gives no dates: the mailing is put on 2008-03-06 and the outcomes on 2008-03-20, the day of
        publication; only the order has a meaning. Amounts stay in USD, also in columns named ``_cny``.

        Examples
        --------
        ::

            load_hillstrom().to_mart("hillstrom_mart")
            mart = open_mart("hillstrom_mart")
        """
        check_number("mail_cost", mail_cost, low=0)
        if visit_value is None:
            visit_value = float(self.frame["spend"].sum() / self.frame["visit"].sum())
        check_number("visit_value", visit_value, low=0)
        tables = _mart_tables(self.frame, mail_cost, visit_value)
        half = mail_cost * len(self.frame) / 2
        parameters = _PARAMETERS.format(budget=half)
        return write_public_mart(directory, "hillstrom", self, tables, _NOTES, parameters)


def load_hillstrom() -> Hillstrom:
    """Load the MineThatData e-mail test (Hillstrom, 2008).

    Returns
    -------
    Hillstrom
        `frame` as published, 64,000 customers × 12: ``recency`` (months since the last purchase),
        ``history_segment`` and ``history`` (USD spent in the past year), ``mens``, ``womens``, ``newbie`` (0 or
        1), ``zip_code``, ``channel``; ``segment`` is the arm; ``visit``, ``conversion`` (0 or 1) and ``spend``
        (USD) are the outcomes of the two weeks that followed. The spelling ``Surburban`` is the publisher's.

    Raises
    ------
    DatasetError
        If the file cannot be had, or has not the published content.

    References
    ----------
    K. Hillstrom, "The MineThatData E-Mail Analytics And Data Mining Challenge", 20 March 2008.

    Examples
    --------
    ::

        load_hillstrom().frame.groupby("segment")[["visit", "conversion", "spend"]].mean()
    """
    frame = pd.read_csv(io.BytesIO(read_public(_FILE)))
    return Hillstrom(
        {"hillstrom": frame},
        source="https://blog.minethatdata.com/2008/03/minethatdata-e-mail-analytics-and-data.html",
        licence="none stated",
        description="64,000 customers of a shop, drawn at random into three arms (e-mail for men's goods, for women's "
        "goods, none); visit, conversion and spend in the two weeks after.",
    )


def _mart_tables(
    frame: pd.DataFrame, mail_cost: float, visit_value: float
) -> dict[str, pd.DataFrame]:
    ids = pd.Series([f"H{number:06d}" for number in range(1, len(frame) + 1)])
    facts = frame.drop(columns=["segment", *_OUTCOMES])
    return {
        "customers": customers_frame(ids, _OPENED_ON, ("email",)),
        "campaigns": pd.DataFrame(
            {
                "campaign_id": [CAMPAIGN_ID],
                "name": "MineThatData e-mail test 2008",
                "objective": "visit",
                "starts_on": _ASSIGNED_AT.date(),
                "ends_on": _ASSIGNED_AT.date(),
                "attribution_days": _WINDOW_DAYS,
                "randomised": True,
            }
        ),
        "offers": pd.DataFrame(
            {
                "campaign_id": CAMPAIGN_ID,
                "offer": ["mens_email", "womens_email"],
                "title": ["E-mail with men's merchandise", "E-mail with women's merchandise"],
                "channel": "email",
                "contact_cost_cny": float(mail_cost),
                "benefit_cost_cny": 0.0,
                "redeem_rate": 0.0,
                "value_cny": float(visit_value),
            }
        ),
        "assignments": pd.DataFrame(
            {
                "customer_id": ids,
                "campaign_id": CAMPAIGN_ID,
                "arm": frame["segment"].map(_ARMS),
                "probability": 1 / 3,
                "assigned_at": _ASSIGNED_AT,
            }
        ),
        "customer_attributes": attributes_frame(ids, _FEATURES_ON, facts),
        "campaign_outcomes": pd.DataFrame(
            {
                "customer_id": np.repeat(ids.to_numpy(), len(_OUTCOMES)),
                "campaign_id": CAMPAIGN_ID,
                "outcome": np.tile(np.array(_OUTCOMES), len(frame)),
                "value": frame[list(_OUTCOMES)].to_numpy("float64").ravel(),
                "observed_on": _OBSERVED_ON,
            }
        ),
    }
