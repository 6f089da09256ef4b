"""The truth of a simulated bank: what each customer would have done, kept where no mart reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import pandas as pd

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput

FOLDER = "_truth"
"""Folder of the truth in a simulated mart; a mart never reads folders that begin with ``_``."""
FRAMES = ("outcomes", "taste", "propensity", "lifecycle")


@dataclass(frozen=True)
class Truth(Result):
    """What is true of a simulated bank and no bank could see.

    Attributes
    ----------
    outcomes : DataFrame
        One row per participant of a campaign and arm (`control` included): customer_id,
        campaign_id, arm, expected_converted = P(buying the campaign's product within the
        attribution window), expected_amount_cny = E[amount], type (`persuadable`, `sure thing`,
        `lost cause`, `sleeping dog`).
    taste : DataFrame
        customer_id, taste: the latent group that shapes what is looked at, bought and held.
    propensity : DataFrame
        customer_id, cutoff (a month's end), category, probability = P(at least one purchase in
        the category within the 30 days after the cutoff), as the purchases were drawn.
    lifecycle : DataFrame
        customer_id, month_end, lifecycle, tier at each month's end once opened.
    faults : DataFrame
        The faults planted: table, rule, column, rows, examples, note; no rows in a clean mart.
    """

    outcomes: pd.DataFrame
    taste: pd.DataFrame
    propensity: pd.DataFrame
    lifecycle: pd.DataFrame
    faults: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Mean expected conversion of each campaign's arms, and the effect against control."""
        means = self.outcomes.groupby(["campaign_id", "arm"], as_index=False).agg(
            customers=("customer_id", "size"), expected_converted=("expected_converted", "mean")
        )
        control = means[means["arm"] == "control"].set_index("campaign_id")["expected_converted"]
        effect = means["expected_converted"] - means["campaign_id"].map(control)
        return means.assign(effect=effect)


def load_truth(out: str | PathLike[str]) -> Truth:
    """Read the truth of the simulated bank in folder `out`.

    Parameters
    ----------
    out : path
        A folder that `simulate` wrote.

    Returns
    -------
    Truth
        Frames `outcomes`, `taste`, `propensity`, `lifecycle` and `faults`.

    Raises
    ------
    InvalidInput
        If the folder holds no truth.

    Examples
    --------
    >>> import tempfile
    >>> from marketing_ds.datasets import load_truth, simulate
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bank = simulate(f"{folder}/bank", customers=200, months=6, progress=False)
    ...     truth = load_truth(bank.path)
    >>> sorted(truth.outcomes["campaign_id"].unique())
    ['K01', 'K02', 'K03', 'K04', 'K05', 'K06']
    """
    folder = Path(out) / FOLDER
    missing = [name for name in FRAMES if not (folder / f"{name}.parquet").is_file()]
    if missing:
        raise InvalidInput(
            f"out must be a folder that simulate() wrote; {folder} has no "
            f"{', '.join(f'{name}.parquet' for name in missing)}"
        )
    faults = json.loads((folder / "faults.json").read_text(encoding="utf-8"))
    frames = {name: pd.read_parquet(folder / f"{name}.parquet") for name in FRAMES}
    return Truth(**frames, faults=pd.DataFrame(faults, columns=list(FAULT_COLUMNS)))


FAULT_COLUMNS = ("table", "rule", "column", "rows", "examples", "note")
