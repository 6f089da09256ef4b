"""The ONNX graph: raw tags in, `score` out.

Every operator is in ONNX opset 17 and ai.onnx.ml 3, which runtimes have had since 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import InputColumn
from marketing_ds.propensity import Calibration

from ._models import PropensityLike, UpliftLike, used_columns
from ._trees import Split, ensemble_attributes, set_splits

OUTPUT = "score"


def build_graph(model: PropensityLike | UpliftLike, version: str) -> Any:
    """The whole model as an ONNX ModelProto, checked."""
    graph = _Graph()
    columns = used_columns(model)
    features = graph.add("Concat", [_encode(graph, c) for c in columns], axis=1)
    if isinstance(model, PropensityLike):
        margin = _margins(graph, features, [model.booster_], columns)
        score = graph.add("Sigmoid", [_calibrated(graph, margin, model.calibration_)])
    else:
        score = _mapped(graph, _uplift(graph, features, model, columns), model)
    graph.add("Identity", [score], output=OUTPUT)
    width = 1 if isinstance(model, PropensityLike) else len(model.arms_)
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "marketing_ds",
            [_input(column) for column in columns],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", width])],
            initializer=graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)],
        ir_version=8,
        producer_name="marketing_ds",
        doc_string=f"model_version {version}",
    )
    onnx.checker.check_model(proto)
    return proto


class _Graph:
    """Nodes and constants under construction; names of our own start with two underscores."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(
        self,
        operator: str,
        inputs: Sequence[str],
        *,
        output: str | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> str:
        """Append a node; returns the name of its output."""
        name = output or f"__{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(operator, list(inputs), [name], domain=domain, **attributes)
        )
        return name

    def constant(self, values: object, dtype: type = np.float32) -> str:
        """Append a constant; returns its name."""
        name = f"__c{len(self.constants)}"
        array: NDArray[Any] = np.asarray(values, dtype=dtype)
        self.constants.append(numpy_helper.from_array(array, name))
        return name


def _input(column: InputColumn) -> Any:
    kind = TensorProto.STRING if column.kind == "category" else TensorProto.FLOAT
    return helper.make_tensor_value_info(column.name, kind, ["N", 1])


def _encode(graph: _Graph, column: InputColumn) -> str:
    """The twin of `FeatureEncoder` for one column: (N, 1) raw to (N, outputs) float32."""
    if column.kind != "category":
        return column.name
    levels, width = len(column.categories), len(column.outputs())
    # The empty string is null; whatever is not listed is rare.
    keys = [*column.categories, ""]
    if column.rates:
        null = column.rates[-1] if column.null else np.nan
        return graph.add(
            "LabelEncoder",
            [column.name],
            domain="ai.onnx.ml",
            keys_strings=keys,
            values_floats=[*column.rates[:levels], null],
            default_float=column.rates[levels] if column.rare else np.nan,
        )
    place = graph.add(
        "LabelEncoder",
        [column.name],
        domain="ai.onnx.ml",
        keys_strings=keys,
        values_int64s=[*range(levels), width - 1 if column.null else width],
        default_int64=levels if column.rare else width,  # `width` is a place that no column has
    )
    places = graph.constant([range(width)], np.int64)
    return graph.add("Cast", [graph.add("Equal", [place, places])], to=TensorProto.FLOAT)


def _margins(
    graph: _Graph, features: str, boosters: Sequence[Any], columns: Sequence[InputColumn]
) -> str:
    splits = set_splits(boosters)
    owners = [column for column in columns for _ in column.outputs()]
    places = {split: len(owners) + at for at, split in enumerate(splits)}
    if splits:
        wanted = sorted({feature for feature, _ in splits})
        parts = [
            _members(graph, owners[feature], [s for s in splits if s[0] == feature])
            for feature in wanted
        ]
        features = graph.add("Concat", [features, *parts], axis=1)
    attributes = ensemble_attributes(boosters, places)
    return graph.add("TreeEnsembleRegressor", [features], domain="ai.onnx.ml", **attributes)


def _members(graph: _Graph, column: InputColumn, splits: Sequence[Split]) -> str:
    """For each split of a coded category whether its set holds the code, (N, splits); else NaN."""
    if column.kind != "category" or column.rates != tuple(range(len(column.rates))):
        raise InvalidInput(
            "booster must split numbers only to be exported, or the codes that "
            f"`FeatureEncoder.fit_codes` makes; it has categorical splits of {column.name!r}"
        )
    levels, known = len(column.categories), len(column.rates)
    place = graph.add(
        "LabelEncoder",
        [column.name],
        domain="ai.onnx.ml",
        keys_strings=[*column.categories, ""],
        values_int64s=[*range(levels), known - 1 if column.null else known],
        default_int64=levels if column.rare else known,  # the last row is that of no code
    )
    table = np.full((known + 1, len(splits)), np.nan)
    for at, (_, codes) in enumerate(splits):
        table[:known, at] = np.isin(np.arange(known), codes)
    looked_up = graph.add("Gather", [graph.constant(table), place], axis=0)
    return graph.add("Squeeze", [looked_up, graph.constant([1], np.int64)])


def _calibrated(graph: _Graph, margin: str, calibration: Calibration) -> str:
    """The twin of `Calibration.log_odds`."""
    if calibration.kind == "none":
        return margin
    if calibration.kind == "isotonic":
        return _through_knots(graph, margin, np.asarray(calibration.x), np.asarray(calibration.y))
    if calibration.low == calibration.high:
        scaled = graph.add("Mul", [margin, graph.constant([[calibration.low]])])
    else:
        up = graph.add("Softplus", [margin])
        down = graph.add("Softplus", [graph.add("Neg", [margin])])
        high = graph.add("Mul", [up, graph.constant([[calibration.high]])])
        low = graph.add("Mul", [down, graph.constant([[calibration.low]])])
        scaled = graph.add("Sub", [high, low])
    return graph.add("Add", [scaled, graph.constant([[calibration.intercept]])])


def _through_knots(
    graph: _Graph, margin: str, x: NDArray[np.float64], y: NDArray[np.float64]
) -> str:
    """Straight lines through the knots, slope 1 beyond them: anchor + slope · (margin − knot)."""
    slopes = np.concatenate([[1.0], np.diff(y) / np.diff(x), [1.0]])
    passed = graph.add("GreaterOrEqual", [margin, graph.constant([x])])
    count = graph.add("Cast", [passed], to=TensorProto.FLOAT)
    axis = graph.constant([1], np.int64)
    segment = graph.add(
        "Cast", [graph.add("ReduceSum", [count, axis], keepdims=1)], to=TensorProto.INT64
    )

    def at_segment(values: NDArray[np.float64]) -> str:
        return graph.add("Gather", [graph.constant(values), segment], axis=0)

    beyond = graph.add("Sub", [margin, at_segment(np.concatenate([x[:1], x]))])
    rise = graph.add("Mul", [at_segment(slopes), beyond])
    return graph.add("Add", [at_segment(np.concatenate([y[:1], y])), rise])


def _uplift(graph: _Graph, features: str, model: UpliftLike, columns: Sequence[InputColumn]) -> str:
    """Per arm Σ weight · link(margin) + constant: one ensemble, then one matrix product."""
    constants = graph.constant([[model.constant_.get(arm, 0.0) for arm in model.arms_]])
    boosters, links, weights = _distinct(model)
    if not boosters:  # the average effect, once a row, whatever the features
        known = graph.add("Cast", [graph.add("IsNaN", [features])], to=TensorProto.FLOAT)
        width = sum(len(column.outputs()) for column in columns)
        nothing = graph.constant(np.zeros((width, len(model.arms_))))
        return graph.add("Add", [graph.add("MatMul", [known, nothing]), constants])
    split = links.count("identity")
    margins = _margins(graph, features, boosters, columns)
    parts = []
    if split:
        parts.append(graph.add("Gather", [margins, graph.constant(range(split), np.int64)], axis=1))
    if split < len(boosters):
        logistic = graph.constant(range(split, len(boosters)), np.int64)
        parts.append(graph.add("Sigmoid", [graph.add("Gather", [margins, logistic], axis=1)]))
    values = graph.add("Concat", parts, axis=1)
    return graph.add("Add", [graph.add("MatMul", [values, graph.constant(weights)]), constants])


def _mapped(graph: _Graph, uplift: str, model: UpliftLike) -> str:
    """The twin of `EffectCalibration.finish`: a line is in the terms already, knots are not."""
    maps = getattr(model, "calibration_", {})
    bent = {arm for arm, one in maps.items() if one.kind == "isotonic"}
    if not bent:
        return uplift
    parts = []
    for position, arm in enumerate(model.arms_):
        part = graph.add("Gather", [uplift, graph.constant([position], np.int64)], axis=1)
        if arm in bent:
            part = _through_knots(graph, part, np.asarray(maps[arm].x), np.asarray(maps[arm].y))
        parts.append(part)
    return graph.add("Concat", parts, axis=1)


def _distinct(model: UpliftLike) -> tuple[list[Any], list[str], NDArray[np.float64]]:
    """Boosters, each once (identity before logistic), their links, and weights (boosters, arms)."""
    found: dict[tuple[str, int], tuple[Any, NDArray[np.float64]]] = {}
    for position, arm in enumerate(model.arms_):
        for term in model.terms_[arm]:
            key = (term.link, id(term.booster))  # control's boosters are in the effect of every arm
            nothing = np.zeros(len(model.arms_))
            _, weights = found.setdefault(key, (term.booster, nothing))
            weights[position] += term.weight
    order = sorted(found, key=lambda key: key[0])
    boosters = [found[key][0] for key in order]
    return boosters, [link for link, _ in order], np.array([found[key][1] for key in order])
