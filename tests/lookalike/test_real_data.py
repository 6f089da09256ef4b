"""UCI bank marketing (Moro, Cortez, Rita 2014): the other half of the `yes` is found."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from marketing_ds.lookalike import Lookalike

from ._metrics import lift_at


def test_half_of_the_yes_finds_the_other(data_dir):
    frame = pd.read_csv(data_dir / "uci_bank_marketing" / "bank-additional-full.csv.gz", sep=";")
    wanted = (frame.pop("y") == "yes").to_numpy()
    frame = frame.drop(columns="duration").assign(customer_id=[f"c{i}" for i in range(len(frame))])
    is_seed = np.zeros(len(frame), dtype=bool)
    is_seed[np.random.default_rng(0).permutation(np.flatnonzero(wanted))[: wanted.sum() // 2]] = (
        True
    )
    look = Lookalike(n_jobs=1, sensitive=True).fit(frame, frame.loc[is_seed, "customer_id"])
    candidates = np.flatnonzero(~is_seed)[::4]
    scores = look.score(frame.iloc[candidates])["score"].to_numpy()
    assert roc_auc_score(wanted[candidates], scores) > 0.785
    assert lift_at(scores, wanted[candidates], 0.1) > 4.7
