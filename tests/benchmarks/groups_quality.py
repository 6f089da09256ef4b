"""How many groups are found where there are none, and where some were planted.

    python -m tests.benchmarks.groups_quality [--draws 20] [--customers 5000]

Customers without groups are of six sorts, from independent tags to one factor behind all. A share
of draws with groups is a rate of false alarms. Of planted groups the table shows how often their
number is found, and the adjusted Rand index.
"""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

import numpy as np

from marketing_ds.groups._kmeans import centres, nearest
from marketing_ds.groups._space import learn_space
from marketing_ds.groups._stability import choose, judge
from tests.groups.customers import agreement, alike, planted

PLANTED: dict[str, dict[str, Any]] = {
    "2 groups": {"groups": 2},
    "3 groups, 20 noise tags": {"groups": 3, "noise": 20},
    "4 groups, all types, skewed": {"groups": 4, "flags": 4, "words": 3, "skewed": True},
    "3 groups of 70, 20 and 10 %": {"groups": 3, "shares": [0.7, 0.2, 0.1]},
    "6 groups, nearer": {"groups": 6, "telling": 12, "noise": 12, "far": 1.2},
}


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--customers", type=int, default=5_000)
    options = parser.parse_args()
    alarms: Counter[str] = Counter()
    for seed in range(options.draws):
        for kind, frame in alike(options.customers, seed).items():
            alarms[kind] += count(frame, seed)[0] > 1
    print("| customers without groups | draws with groups |\n|---|---:|")
    for kind in alike(2, 0):
        print(f"| {kind} | {alarms[kind]} of {options.draws} |")
    print("\n| planted | found | right | agreement |\n|---|---|---:|---:|")
    for name, settings in PLANTED.items():
        found, near = [], []
        for seed in range(options.draws):
            frame, truth = planted(options.customers, seed, **settings)
            k, points = count(frame, seed)
            label = nearest(centres(points, max(k, 2), seed=0, starts=5, steps=30), points)[0]
            found.append(k)
            near.append(agreement(label, truth) if k > 1 else 0.0)
        shown = ", ".join(f"{k}: {n}" for k, n in sorted(Counter(found).items()))
        right = np.mean(np.array(found) == settings["groups"])
        print(f"| {name} | {shown} | {right:.0%} | {np.mean(near):.2f} |")


def count(frame: Any, seed: int) -> tuple[int, Any]:
    """How many groups are found, and the customers' coordinates."""
    space, _ = learn_space(frame)
    points = space.points(frame)
    judged = judge(points, space.blocks, range(2, 9), min_share=0.02, seed=seed)
    return choose(judged), points


if __name__ == "__main__":
    main()
