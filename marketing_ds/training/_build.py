"""From a mart and a label to a training set: decided and counted in the engine, fetched once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.labels import Label, read_label
from marketing_ds.schema.known import date_of
from marketing_ds.tags import Tag
from marketing_ds.tags._compile import check_day, choose, compiled

from ._frame import KEYS, in_order, narrowed
from ._leaks import MAX_AUC, LeakFound, Leaks, find_leaks
from ._plan import Plan, Population, make_plan
from ._provenance import changed_since, dated, declared_leaks, unversioned
from ._rows import Counts, counted, drawn, everybody
from ._set import TrainingSet

if TYPE_CHECKING:
    from marketing_ds.audiences import Audience
    from marketing_ds.mart import Mart
    from marketing_ds.rules import Rule


def training_set(
    mart: Mart,
    label: Label | str,
    cutoffs: Sequence[str | dt.date] | None = None,
    *,
    n_cutoffs: int | None = None,
    horizon: str | int = "30d",
    population: str | Rule | Audience | None = None,
    tags: Sequence[str | Tag] | None = None,
    negatives: float | None = None,
    as_of: str | dt.date | None = None,
    leaks: str = "error",
    max_auc: float = MAX_AUC,
    allow: Collection[str] = (),
    random_state: int = 0,
) -> TrainingSet:
    """Tags as of each cut-off, labels from strictly after it, and a check that nothing leaks.

    Parameters
    ----------
    mart : Mart
        The input tables, from `open_mart`.
    label : Label or str
        What is to be foretold: a label of `marketing_ds.labels`, or a text such as
        ``"bought fund"``, see `marketing_ds.labels.read_label`.
    cutoffs : sequence of date, optional
        The days whose end divides features from label; rows of all of them are stacked. Cut-offs
        nearer to each other than the horizon share outcomes: `split` and `folds` keep a customer's
        rows together.
    n_cutoffs : int, optional
        Instead: so many, a horizon apart, the last one's horizon ending on `as_of`; 3 by default.
        An outcome of a campaign has one cut-off, the day before the campaign, and its horizon ends
        with the attribution: `horizon` and `n_cutoffs` do not matter then.
    horizon : str or int
        Days after the cut-off within which the label counts: ``"30d"``, ``"4w"`` or 30.
    population : str, Rule or Audience, optional
        Who is meant. A rule, or an audience made by one, is asked anew as of each cut-off; an
        audience of ids must be from the first cut-off or before.
    tags : sequence of str or Tag, optional
        Features; by default every tag that the mart answers as of the last cut-off.
    negatives : float, optional
        Keep so many negatives for each positive, drawn at each cut-off by a salted hash of the
        customer; their weight makes weighted rates equal those of all customers.
    as_of : date, optional
        Use only what the mart knew by the end of this day; by default all that it holds.
    leaks : {"error", "warn"}
        What to do about features that leak.
    max_auc : float
        See `find_leaks`; tags of the catalogue that rest on dated rows are `dated`.
    allow : collection of str
        Features that are honest although the leak check names them.
    random_state : int
        Another number draws other negatives.

    Returns
    -------
    TrainingSet
        `.X`, `.y`, `.weight`, `.groups`, `.leaks`, `.split()`, `.folds()`, `.to_frame()`.

    Raises
    ------
    InvalidInput
        If a horizon is not over by `as_of` (the message names the latest cut-off), a name is
        unknown, or the label came true for nobody or everybody.
    LeakFound
        If a feature leaks: it names feature, why, figure and the way out.
    MartError
        If the mart lacks a table of the label.

    Notes
    -----
    Left out, and counted in `.to_frame()`, are customers not yet opened at the cut-off, those
    closed by then (where the table `customers` has a column `closed_on`, beyond the contract),
    those not in the population, and those the label does not speak of.

    The mart is read once for labels and once for each cut-off's tags, only the rows of customers
    that are kept. Numbers leave the engine as float32 and words become categories: 211 tags take
    743 bytes a row, so that 10 million rows need 7.5 GB. The engine's rows are streamed into their
    place: making a frame of 0.34 GB took 0.57 GB at most, the engine's share included. With `negatives` only what is drawn ever leaves
    the engine.

    Beside values, the leak check asks of tags of one's own whether a list says since when it was
    known and whether a formula reads rows past the compiler; and where the workspace holds tags
    published as of a cut-off, whether they have been overwritten since.

    Examples
    --------
    >>> from marketing_ds import open_mart
    >>> from marketing_ds.training import training_set
    >>> with open_mart("data_samples") as mart:
    ...     sets = training_set(mart, "bought fund", n_cutoffs=2, tags=["age", "aum", "fund_cny"],
    ...                         population="tenure_days >= 90")
    >>> sets
    TrainingSet(bought_fund within 30 days: 19,164 rows, 1,215 positives, 3 tags, cut-offs 2026-05-01, 2026-05-31)
    >>> train, test = sets.split(by="time")
    >>> set(train.groups) & set(test.groups)
    set()
    """
    asked = read_label(label, mart, as_of=as_of)
    check_choice("leaks", leaks, ("error", "warn"))
    seed = check_count("random_state", random_state)
    ratio = (
        None if negatives is None else check_number("negatives", negatives, low=0, inclusive=False)
    )
    if isinstance(allow, str):
        raise InvalidInput(f"allow must be a list of features, got {allow!r}; write [{allow!r}]")
    plan = make_plan(mart, asked, cutoffs, n_cutoffs, horizon, as_of)
    for day in (plan.cutoffs[0], plan.cutoffs[-1]):
        check_day(mart, day)
    chosen = choose(mart, plan.cutoffs[-1], tags, "customer")
    who = Population.of(population, plan, tags)
    declared = declared_leaks(chosen)
    if leaks == "error" and (bad := [leak for leak in declared if leak.feature not in allow]):
        raise LeakFound(bad)
    with ExitStack() as stack:
        rows = stack.enter_context(mart.connection.held(everybody(mart, plan, who)))
        counts = counted(rows, plan)
        taken = stack.enter_context(mart.connection.held(drawn(rows, counts, ratio, seed)))
        size = int(taken.count().to_pyarrow().as_py())
        labels = taken.select(*KEYS, label=taken.label.cast("float32"))
        told = in_order(mart.batches(labels), {"label": "int64"}, size)
        types = {tag.name: str(tag.type) for tag in chosen}
        frame = in_order(_features(mart, plan, chosen, taken), types, size)
    _check_alike(frame, told)
    y = told["label"].astype(np.int8)
    weight = _weights(frame, y, counts)
    checked = find_leaks(
        frame,
        y,
        sample_weight=weight,
        dated=dated(chosen),
        max_auc=max_auc,
        allow=[name for name in allow if name in frame.columns],
    )
    checked = checked.joined([*declared, *changed_since(mart, frame, (y == 1).to_numpy())], allow)
    found = replace(checked, unversioned=unversioned(chosen))
    return TrainingSet(
        asked, plan.horizon_days, frame, y, weight, _settled(found, leaks), _left_out(counts)
    )


def _features(
    mart: Mart, plan: Plan, chosen: Sequence[Tag], taken: ir.Table
) -> Iterator[pa.RecordBatch]:
    """`customer_id`, `as_of` and the tags of the rows taken.

    A query a cut-off: engines take far longer to plan several tables of 200 tags in one.
    """
    for day in plan.cutoffs:
        mine = taken.filter(taken.as_of == date_of(day)).select("customer_id")
        table = narrowed(compiled(mart, day, chosen, only=mine), chosen)
        names = [tag.name for tag in chosen]
        yield from mart.batches(table.select("customer_id", date_of(day).name("as_of"), *names))


def _check_alike(frame: pd.DataFrame, told: pd.DataFrame) -> None:
    """Features and labels are of the same customers at the same cut-offs, each once."""
    alike = all((frame[key] == told[key]).all() for key in KEYS)
    if not alike or told.duplicated(KEYS).any():
        raise MartError(
            "customers must have one row for each customer_id, got repeated ones; see mart.check()"
        )


def _weights(frame: pd.DataFrame, y: pd.Series[Any], counts: Sequence[Counts]) -> pd.Series[Any]:
    """1, or what a negative that was drawn stands for."""
    weight = np.ones(len(frame))
    negative = (y == 0).to_numpy()
    for one in counts:
        here = negative & (frame["as_of"] == pd.Timestamp(one.window.cutoff)).to_numpy()
        if here.any():
            weight[here] = one.negatives / here.sum()
    return pd.Series(weight, name="weight")


def _left_out(counts: Sequence[Counts]) -> pd.DataFrame:
    index = pd.Index([one.window.cutoff for one in counts], name="cutoff")
    return pd.DataFrame([one.left_out for one in counts], index=index)


def _settled(found: Leaks, leaks: str) -> Leaks:
    if leaks == "error":
        found.raise_if_any()
    elif found.found:
        import warnings

        warnings.warn(str(LeakFound(found.found)), UserWarning, stacklevel=3)
    return found
