"""A scorer taken apart into arrays, bytes and JSON, and put together again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import faiss
import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from .classifier import Classifier, Member, Size
from .index import NeighbourIndex
from .neighbourhood import Neighbourhood
from .scorers import Ensemble, Line, Scorer
from .space import Space

Arrays = dict[str, NDArray[Any]]


def scorer_parts(scorer: Scorer, arrays: Arrays, binary: dict[str, bytes]) -> dict[str, Any]:
    """What JSON can hold of a scorer; its arrays and its files are put into the other two."""
    if isinstance(scorer, Ensemble):
        return {
            "neighbours": _neighbours_parts(scorer.neighbours, arrays, binary),
            "classifier": _classifier_parts(scorer.classifier, arrays, binary),
            "lines": [asdict(line) for line in scorer.lines],
        }
    if isinstance(scorer, Classifier):
        return {"classifier": _classifier_parts(scorer, arrays, binary)}
    assert isinstance(scorer, Neighbourhood)  # there is no other
    return {"neighbours": _neighbours_parts(scorer, arrays, binary)}


def scorer_from(
    method: str, told: dict[str, Any], arrays: Arrays, binary: dict[str, bytes]
) -> Scorer:
    """The scorer that `scorer_parts` took apart."""
    if method == "neighbours":
        return _neighbours_from(told["neighbours"], arrays, binary)
    if method == "classifier":
        return _classifier_from(told["classifier"], arrays, binary)
    first, second, third = (Line(**line) for line in told["lines"])
    return Ensemble(
        _neighbours_from(told["neighbours"], arrays, binary),
        _classifier_from(told["classifier"], arrays, binary),
        (first, second, third),
    )


def _neighbours_parts(
    scorer: Neighbourhood, arrays: Arrays, binary: dict[str, bytes]
) -> dict[str, Any]:
    index = scorer.index
    binary["index"] = faiss.serialize_index(index.faiss_index).tobytes()
    arrays |= {
        "position": scorer.position,
        "centre": index.centre,
        "index_is_seed": index.is_seed,
        **{f"table_{at}": table for at, table in enumerate(scorer.space.tables)},
    }
    return {
        "spread": list(scorer.space.spread),
        "n_neighbors": index.n_neighbors,
        "radius": index.radius,
        "recall": index.recall,
    }


def _neighbours_from(
    told: dict[str, Any], arrays: Arrays, binary: dict[str, bytes]
) -> Neighbourhood:
    index = NeighbourIndex(
        faiss.deserialize_index(np.frombuffer(binary["index"], dtype=np.uint8)),
        arrays["centre"],
        arrays["index_is_seed"],
        told["n_neighbors"],
        told["radius"],
        told["recall"],
    )
    spread = tuple(told["spread"])
    tables = tuple(arrays[f"table_{at}"] for at in range(len(spread)))
    return Neighbourhood(Space(tables, spread), index, arrays["position"])


def _classifier_parts(
    scorer: Classifier, arrays: Arrays, binary: dict[str, bytes]
) -> dict[str, Any]:
    arrays["fold"] = scorer.fold
    for number, member in enumerate(scorer.members):
        binary[f"trees{number}"] = bytes(member.trees.save_raw("ubj"))
        arrays |= {f"points_{number}_{at}": points for at, points in enumerate(member.points)}
        arrays |= {f"order_{number}_{at}": order for at, order in enumerate(member.order)}
    members = [
        {"trees_say": member.trees_say, "odds": member.odds, "n_tags": len(member.points)}
        for member in scorer.members
    ]
    return {"members": members, "size": asdict(scorer.size)}


def _classifier_from(told: dict[str, Any], arrays: Arrays, binary: dict[str, bytes]) -> Classifier:
    members = []
    for number, of_member in enumerate(told["members"]):
        tags = range(of_member["n_tags"])
        members.append(
            Member(
                tuple(arrays[f"points_{number}_{at}"] for at in tags),
                tuple(arrays[f"order_{number}_{at}"] for at in tags),
                xgb.Booster({"nthread": 1}, model_file=bytearray(binary[f"trees{number}"])),
                of_member["trees_say"],
                of_member["odds"],
            )
        )
    return Classifier(tuple(members), arrays["fold"], Size(**told["size"]))
