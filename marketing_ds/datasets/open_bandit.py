"""Open Bandit: logged fashion recommendations of ZOZOTOWN with their propensities (small version)."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pandas as pd

from marketing_ds._core.checks import check_choice

from .public_data import PublicFrame
from .public_files import PublicFile, read_public

_POLICIES = ("random", "bts")
_CAMPAIGNS = ("all", "men", "women")
# One commit of the origin, so that the address never gives anything else.
_URL = (
    "https://raw.githubusercontent.com/st-tech/zr-obp/8cbd5fa4558b7ad2ba4781546d6604e4cc3e07c4/obd"
)
_SHA256 = {
    "random/all/all": "7168295b6e0a9eabcf3392320a5dd434e542b68e705d5cd9491499af589812f1",
    "random/all/item_context": "eba04cc23d5f130a93ff174c5392986882b94c3839433cb8143870eaa6221358",
    "random/men/men": "ede6d08c6877f99cd3770f7d09e26c738e6aa6de4445ccccfb1356ba5d06b1eb",
    "random/men/item_context": "6d855c2b7e917d0448d71bbe62c023147495882c0fdc8c41e86fef86abf9fe09",
    "random/women/women": "e65f3bd3beb17664fa69cc129bf7bf852a775f8ffa630506e505fc905315bb34",
    "random/women/item_context": "b1ca4905f97703d196004f2ad4552c1e90c2afad8b50688d333b0d2dc0b33147",
    "bts/all/all": "0ad874e4dbf6902f0845dd478ad8dde5ef6903583d3ffaace78411bdad064106",
    "bts/all/item_context": "5d4359ba1cfa3ae88f0f1bae66bd633859fe6323817183632ee57b83539d9153",
    "bts/men/men": "db6d1f7ed2d591ba521533e45286d4c1fba7fe57a8ad2e80342210335f43c527",
    "bts/men/item_context": "3b411ed6b0471316321a6b93f4f756bb25888eac6218cd71d0b603d41d85732d",
    "bts/women/women": "e5d1b49a39b608585a2f3014a3f54970430cd37a495c1b73fceb85cdf428a5b8",
    "bts/women/item_context": "a56295bad066a558eb783055afd9279f5f4e209a4776eafc22151c53f0ac89d4",
}


@dataclass(frozen=True, eq=False)
class OpenBandit(PublicFrame):
    """Logged recommendations; `frame` has one row an impression."""

    policy: str
    """Policy that chose the items."""
    campaign: str
    """Campaign they were shown in."""

    @property
    def item_context(self) -> pd.DataFrame:
        """Features of the items, one row an item."""
        return self.tables["item_context"]


def load_open_bandit(policy: str = "random", campaign: str = "all") -> OpenBandit:
    """Load the small version of the Open Bandit Dataset (Saito et al., 2021).

    Parameters
    ----------
    policy : {"random", "bts"}, default "random"
        Who chose the items: uniformly at random, or Bernoulli Thompson sampling.
    campaign : {"all", "men", "women"}, default "all"
        What was on sale.

    Returns
    -------
    OpenBandit
        `frame`: 10,000 impressions in the order of time: ``timestamp`` (UTC), ``item_id``, ``position`` (1 to 3),
        ``click`` (0 or 1), ``propensity_score`` (probability that the policy shows this item at this position),
        hashed user features and user-item affinities. `item_context`: features of the items. The published
        index column is the frame's index.

    Raises
    ------
    InvalidInput
        If `policy` or `campaign` is none of the above.
    DatasetError
        If a file cannot be had, or has not the published content.

    References
    ----------
    Y. Saito, S. Aihara, M. Matsutani and Y. Narita, "Open Bandit Dataset and Pipeline: Towards Realistic and
    Reproducible Off-Policy Evaluation", NeurIPS Datasets and Benchmarks, 2021.

    Examples
    --------
    ::

        log = load_open_bandit("bts", "men").frame
        value_of_logging_policy = log["click"].mean()
    """
    check_choice("policy", policy, _POLICIES)
    check_choice("campaign", campaign, _CAMPAIGNS)
    log = _read(policy, campaign, campaign, parse_dates=["timestamp"])
    return OpenBandit(
        {"log": log, "item_context": _read(policy, campaign, "item_context")},
        source="https://github.com/st-tech/zr-obp/tree/master/obd",
        licence="CC BY 4.0",
        description=f"Recommendations on ZOZOTOWN in November 2019, logged under the policy {policy!r} in the "
        f"campaign {campaign!r} with the probability of each choice; the small version of 10,000 impressions.",
        policy=policy,
        campaign=campaign,
    )


def _read(
    policy: str, campaign: str, name: str, parse_dates: list[str] | None = None
) -> pd.DataFrame:
    file = PublicFile(
        f"open_bandit/{policy}_{campaign}_{name}.csv",
        _SHA256[f"{policy}/{campaign}/{name}"],
        f"{_URL}/{policy}/{campaign}/{name}.csv",
    )
    return pd.read_csv(
        io.BytesIO(read_public(file)),
        index_col=0,
        parse_dates=parse_dates,
        date_format="ISO8601",  # with and without microseconds
    )
