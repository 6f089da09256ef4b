"""How often intervals of the curve cover the truth, and random scores' intervals cover 0.

    python -m tests.benchmarks.uplift_coverage [--replications 1000]

Truth is known in closed form: see `tests.uplift.simulate.ranked_truth`.
"""

from __future__ import annotations

import argparse

import numpy as np

from marketing_ds.uplift import uplift_curve
from tests.uplift.simulate import ranked, ranked_truth

CASES = [
    {"n": 1000, "rate": 0.10, "slope": 0.0, "share": 0.5},
    {"n": 2000, "rate": 0.10, "slope": 0.2, "share": 0.5},
    {"n": 5000, "rate": 0.02, "slope": 0.05, "share": 0.8},
    {"n": 5000, "rate": 0.20, "slope": 0.6, "share": 0.3},
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=1000)
    replications = parser.parse_args().replications
    names = ["qini", "auuc", "uplift_at_20", "value_at_50", "random_qini", "tied_qini"]
    print(f"{'case':50}" + "".join(f"{name:>14}" for name in names))
    for case in CASES:
        truth = ranked_truth(case["slope"]) | {"random_qini": 0.0}
        hits = dict.fromkeys(names, 0)
        for seed in range(replications):
            rng = np.random.default_rng(seed)
            y, score, treated = ranked(rng, **case)
            curve = uplift_curve(y, score, treated)
            found = {
                "qini": curve.qini,
                "auuc": curve.auuc,
                "uplift_at_20": curve.uplift_at(0.2),
                "value_at_50": curve.value_at(0.5),
                "random_qini": uplift_curve(y, rng.random(len(y)), treated).qini,
            }
            for name, estimate in found.items():
                hits[name] += estimate.ci_lower <= truth[name] <= estimate.ci_upper
            # Two equal halves: V is a broken line; its Qini is slope/4 · 1/4 · 1/2.
            tied = uplift_curve(y, np.floor(2 * score), treated).qini
            hits["tied_qini"] += tied.ci_lower <= case["slope"] / 16 <= tied.ci_upper
        shown = ", ".join(f"{key} {value:g}" for key, value in case.items())
        print(f"{shown:50}" + "".join(f"{hits[name] / replications:14.1%}" for name in names))


if __name__ == "__main__":
    main()
