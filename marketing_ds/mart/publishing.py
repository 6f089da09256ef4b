"""Publish a table to the workspace: checked, consented, immutable, in one step."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops
import pandas as pd
import pyarrow.parquet as parquet

from marketing_ds._core.checks import check_choice, check_columns
from marketing_ds._core.errors import InvalidInput, PublicationError
from marketing_ds.rules import Removals, removals
from marketing_ds.schema import CONTACT_CHANNELS, OUTPUTS, Column, Table

from .control import UniversalControl, current_control
from .conversion import typed
from .counting import Test, count_broken, row_tests
from .engines import record_batches
from .guards import Exclusions, marked
from .snapshot import file_sha256
from .workspace import MANIFEST, Publication, Workspace, read_publication

if TYPE_CHECKING:
    from .mart import Mart

_WIDE = Table(
    "tags",
    "Tags, as wide as their catalogue.",
    ("customer_id",),
    (Column("customer_id", "string", "Customer."),),
)
_MAY_BE_EMPTY = ("segments", "plans")
"""On some day nobody may qualify: readers must see that, not yesterday's list."""
_GUARDED = ("segments", "plans", "assignments")
"""What decides whom the bank will reach."""


@dataclass(frozen=True)
class Request:
    """What is to be published, with everything that its id depends on."""

    table: str
    name: str
    as_of: dt.date
    parameters: Mapping[str, Any] | None
    channel: str | None
    run_key: str | None
    exclusions: Exclusions = field(default_factory=Exclusions)
    control: UniversalControl | None = None

    def run_id(self, inputs: str, content: str | None) -> str:
        """The id: the same inputs and parameters give the same one."""
        parts: dict[str, Any] = {
            "table": self.table,
            "name": self.name,
            "as_of": self.as_of.isoformat(),
            "parameters": self.parameters,
            "channel": self.channel,
            "run_key": self.run_key,
            "inputs": inputs,
            "content": content,
        }
        if self.exclusions.names:
            parts["exclusions"] = self.exclusions.names
        if self.control is not None:
            parts["control"] = [self.control.share, self.control.salt]
        text = json.dumps(parts, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def named_by_content(self) -> bool:
        """Whether the rows themselves are part of what this publication is.

        Parameters alone do not say it: other code, or an audience changed by hand, would share an
        id with the first, and be taken for it. Only a run key vouches for the rows.
        """
        return self.run_key is None


def publish(mart: Mart, request: Request, data: object) -> Publication:
    """Publish `data`; the work behind `Mart.publish`."""
    _check_request(request)
    workspace = mart.workspace
    if request.table in _GUARDED:
        request = replace(request, control=current_control(workspace))
    try:
        if not request.named_by_content:
            done = _find(workspace, request, request.run_id(mart.snapshot, None))
            if done is not None:
                return done
        with workspace.staging() as folder:
            return _write(mart, request, data, folder)
    except OSError as error:
        raise PublicationError(
            _refusal(request, workspace, error.strerror or str(error))
        ) from error
    except mart.connection.errors as error:
        reason = mart.connection.reason(error)
        raise PublicationError(_refusal(request, workspace, reason)) from error


def _check_request(request: Request) -> None:
    if request.channel is not None:
        check_choice("channel", request.channel, CONTACT_CHANNELS)
        if request.table != "segments":
            raise InvalidInput(
                f"channel may be given for segments only, got it for {request.table}"
                + ("; a plan names the channel of each row" if request.table == "plans" else "")
            )
    if request.exclusions.names and request.table not in ("segments", "plans"):
        raise InvalidInput(
            f"max_contacts and suppress may be given for segments and plans, got {request.table}"
        )
    try:
        json.dumps(request.parameters, default=_no_json)
    except TypeError as error:
        raise InvalidInput(
            f"parameters must be plain values that JSON can hold: {error}"
        ) from error


def _no_json(value: object) -> str:
    if isinstance(value, (dt.date, Path)):
        return str(value)
    raise TypeError(f"got {value!r}")


def _write(mart: Mart, request: Request, data: object, folder: Path) -> Publication:
    """Write a publication under `folder`, a private one, and put it into place."""
    run = folder / "run"
    run.mkdir()
    contract = OUTPUTS[request.table] or _WIDE
    rows = typed(_completed(request, _as_table(mart, data, folder), contract), contract)
    report = None
    if request.table in _GUARDED:
        given = mart.read_parquet(mart.write_parquet(rows, folder / "given", small=False))
        _check(mart, request, given, contract)
        rows, report = _guarded(mart, request, given, folder)
        files = _copy(mart, rows, contract, run)
        written = mart.read_parquet(files)
    else:
        files = _copy(mart, rows, contract, run)
        written = mart.read_parquet(files)
        _check(mart, request, written, contract)
    count = sum(parquet.read_metadata(file).num_rows for file in files)
    if count == 0 and request.table not in _MAY_BE_EMPTY:
        raise PublicationError(f"{request.table} has no rows: nothing was published")
    manifest = _manifest(mart, request, written.schema(), files, count)
    manifest |= _report(request, report or Removals(count, count, {}, {}))
    (run / MANIFEST).write_text(json.dumps(manifest, indent=2, default=str))
    return _put(mart.workspace, request, run, str(manifest["id"]))


def _put(workspace: Workspace, request: Request, run: Path, id_: str) -> Publication:
    done = _find(workspace, request, id_)
    if done is not None:
        return done
    final = workspace.run_folder(request.table, request.name, request.as_of, id_)
    first = workspace.put(run, final)
    publication = read_publication(final)
    if publication is None:
        raise PublicationError(f"'{final}' was damaged while it was published; publish again")
    return publication if first else replace(publication, found=True)


def _copy(mart: Mart, rows: ibis.Table, contract: Table, folder: Path) -> list[Path]:
    """Stream rows to files, in the order of the grain: the same rows give the same bytes."""
    return mart.write_parquet(rows.order_by(*contract.grain), folder)


def _manifest(
    mart: Mart,
    request: Request,
    schema: ibis.Schema,
    files: list[Path],
    rows: int,
) -> dict[str, Any]:
    digests = {file.name: file_sha256(file) for file in files}
    content = None
    if request.named_by_content:
        content = mart.connection.rows_digest(files) or " ".join(digests.values())
    return {
        "id": request.run_id(mart.snapshot, content),
        "table": request.table,
        "name": request.name,
        "as_of": request.as_of.isoformat(),
        "rows": rows,
        "schema": {name: str(kind) for name, kind in schema.items()},
        "files": {
            file.name: {
                "sha256": digests[file.name],
                "bytes": file.stat().st_size,
                "rows": parquet.read_metadata(file).num_rows,
            }
            for file in files
        },
        "parameters": request.parameters,
        "channel": request.channel,
        "run_key": request.run_key,
        "inputs": {"snapshot": mart.snapshot, "source": str(mart.source)},
        "published_at": dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"),
        "package": {"marketing-ds": version("marketing-ds")},
    }


def _find(workspace: Workspace, request: Request, run: str) -> Publication | None:
    folder = workspace.run_folder(request.table, request.name, request.as_of, run)
    done = read_publication(folder)
    return None if done is None else replace(workspace.publish_again(done), found=True)


def _as_table(mart: Mart, data: object, folder: Path) -> ibis.Table:
    if isinstance(data, pd.DataFrame):
        return ibis.memtable(data.reset_index(drop=True))
    if not isinstance(data, ibis.Table):
        raise InvalidInput(
            f"data must be a pandas DataFrame or an Ibis table, got {type(data).__name__}"
        )
    if all(table.source is mart.con for table in data.op().find(ops.DatabaseTable)):
        return data
    # Made on another connection, which then has to run it.
    file = folder / "foreign.parquet"
    with parquet.ParquetWriter(file, data.schema().to_pyarrow()) as writer:
        for batch in record_batches(data):
            writer.write_batch(batch)
    return mart.read_parquet([file])


def _completed(request: Request, rows: ibis.Table, contract: Table) -> ibis.Table:
    """Add the columns that the request itself gives; refuse those that nobody knows."""
    given = {"as_of": request.as_of, "channel": request.channel}
    for name, value in given.items():
        if value is not None and name in contract.column_names and name not in rows.columns:
            rows = rows.mutate(ibis.literal(value).name(name))
    check_columns(rows.columns, [c.name for c in contract.columns if not c.nullable], request.table)
    extra = [name for name in rows.columns if name not in contract.column_names]
    if extra and contract is not _WIDE:
        raise InvalidInput(
            f"{request.table} may only have the columns {', '.join(contract.column_names)}; "
            f"drop {', '.join(map(repr, extra))}"
        )
    return rows


def _check(mart: Mart, request: Request, rows: ibis.Table, contract: Table) -> None:
    """Refuse rows that break the table's contract; the message holds no customer's id."""
    tests = row_tests(rows, contract)
    for name, value in (("as_of", request.as_of), ("channel", request.channel)):
        if value is not None and name in contract.column_names:
            other = (rows[name] != value).fill_null(True)
            tests.append(Test("same", (name,), f"{name} is {value}, as asked for", other))
    # Unknown customers of segments and plans are left out and counted, with those to be spared.
    if "customer_id" in contract.column_names and "channel" not in contract.column_names:
        known = rows.customer_id.isin(mart.table("customers").customer_id).fill_null(True)
        tests.append(
            Test("reference", ("customer_id",), "customer_id is found in customers", ~known)
        )
    broken, _ = count_broken(rows, contract, tests, unique=True)
    if broken:
        listed = "; ".join(f"{rule.text} ({rule.count:,} rows break this)" for rule in broken)
        raise PublicationError(f"{request.table} '{request.name}' was refused: {listed}")


def _guarded(
    mart: Mart, request: Request, given: ibis.Table, folder: Path
) -> tuple[ibis.Table, Removals]:
    """The rows that no rule removes, and what each rule removes."""
    suppress = {}
    for number, (name, listed) in enumerate(request.exclusions.suppress.items()):
        place = folder / f"list_{number}"
        place.mkdir()
        suppress[name] = _as_table(mart, listed, place)
    exclusions = replace(request.exclusions, suppress=suppress)
    flagged, columns = marked(given, mart, request.as_of, request.control, exclusions)
    if not columns:
        return given, removals(given, {})
    # Written once, so that what is counted is what is kept.
    flagged = mart.read_parquet(mart.write_parquet(flagged, folder / "marked", small=False))
    keeps = {rule: flagged[column] for rule, column in columns.items()}
    return flagged.filter(*keeps.values()).select(*given.columns), removals(flagged, keeps)


def _report(request: Request, report: Removals) -> dict[str, Any]:
    control = request.control
    return {
        "candidates": report.candidates,
        "removed": report.removed,
        "removed_only": report.removed_only,
        "exclusions": request.exclusions.names,
        "universal_control": control and {"share": control.share, "salt": control.salt},
    }


def _refusal(request: Request, workspace: Workspace, reason: str) -> str:
    return (
        f"{request.table} '{request.name}' could not be published to '{workspace.root}': {reason}; "
        "the last publication is untouched"
    )
