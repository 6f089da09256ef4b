"""A mart: its tables as lazy Ibis tables, and the workspace of what is made from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import ibis

from marketing_ds._core.checks import check_count, check_date
from marketing_ds._core.errors import InvalidInput, NotPublished

from . import checking, publishing
from .checking import MartCheck
from .control import UniversalControl, check_not_reserved, current_control
from .engines import PART, BatchFunction
from .guards import ContactCap, Exclusions
from .inputs import InputTables
from .workspace import Publication, check_name, check_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class Mart(InputTables):
    """A bank's input tables under the contract, and the workspace of what is made from them.

    Made by `open_mart`. ``mart["transactions"]`` is a lazy Ibis table.
    """

    def check(self, *, business_date: str | dt.date | None = None) -> MartCheck:
        """Check the mart against its contract.

        Parameters
        ----------
        business_date : date, optional
            No fact may be dated after this day; today by default.

        Returns
        -------
        MartCheck
            `.passed`, and `.to_frame()` with each broken rule: table, rule, column, count, keys of
            up to five rows.

        Raises
        ------
        MartError
            If a file turns out unreadable.

        Notes
        -----
        Rules: `column` (a column that may not be null is there), `type`, `null`, `allowed`,
        `range` (NaN and infinity break it), `grain` (counts rows beyond the first of a key),
        `reference` (a known foreign key is found), `order` (of times within a row), `known` (a row
        is not known before it is true), `future`, `opened` (no transaction or holding before its
        customer's `opened_on`), `arm` and `probability` (of assignments). Each table is scanned
        once for all of them; only its grain takes a pass of its own.

        Examples
        --------
        >>> import marketing_ds as mds
        >>> with mds.open_mart("data_samples") as mart:
        ...     mart.check(business_date="2026-06-30").passed
        True
        """
        today = (
            dt.date.today() if business_date is None else check_date("business_date", business_date)
        )
        return checking.check(self, today)

    def publish(
        self,
        table: str,
        data: pd.DataFrame | ibis.Table,
        *,
        name: str = "default",
        as_of: str | dt.date,
        parameters: Mapping[str, Any] | None = None,
        channel: str | None = None,
        run_key: str | None = None,
        max_contacts: ContactCap | Sequence[ContactCap] = (),
        suppress: Mapping[str, object] | None = None,
    ) -> Publication:
        """Publish a table to the workspace: checked, immutable, visible in one step.

        Parameters
        ----------
        table : {"tags", "segments", "scores", "plans", "assignments", "effects"}
            Which published table.
        data : pandas.DataFrame or ibis.Table
            The rows; an Ibis table is streamed by the engine.
        name : str
            Which of the table's publications this is, e.g. the campaign's name.
        as_of : date
            The day that the rows speak of.
        parameters : mapping, optional
            What the rows were made with. The same rows with the same parameters and `channel`,
            from the same input files, are the same publication: it is found, not written again.
        channel : str, optional
            For segments: the channel through which they will be contacted.
        run_key : str, optional
            Vouches for the rows: a publication of the same key, parameters and input files is
            found without a look at the rows, which saves computing them.
        max_contacts : ContactCap or several, optional
            For segments and plans: whoever was contacted that often already is left out.
        suppress : mapping, optional
            For segments and plans: lists to leave out, as name → customer ids (a list, a frame or
            an Ibis table with `customer_id`).

        Returns
        -------
        Publication
            With `.id`, `.path`, `.rows`, `.report`, `.manifest` and `.found`.

        Raises
        ------
        InvalidInput
            If an argument or a column breaks a rule.
        PublicationError
            If the rows break the table's contract, or cannot be written.

        Notes
        -----
        Plans and segments obey consent and suppression: a row whose customer is unknown,
        suppressed or without consent to the row's channel is left out. So are the universal
        control group (of assignments, too; see `universal_control`), and whom `max_contacts` and
        `suppress` name. `.report` says for every rule how many it removes, and how many no other
        rule would. Contacts count up to `as_of`. Empty segments and plans may be published, other
        tables not.

        Examples
        --------
        >>> import tempfile
        >>> import pandas as pd
        >>> import marketing_ds as mds
        >>> chosen = pd.DataFrame({"customer_id": ["C0000001", "nobody"]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with mds.open_mart("data_samples", workspace=folder) as mart:
        ...         done = mart.publish("segments", chosen, name="spring", as_of="2026-06-30")
        ...         published = mart.latest("segments", name="spring").execute()
        >>> done.report.removed
        {'unknown_customer': 1, 'suppressed': 0, 'no_consent': 0}
        >>> published["customer_id"].tolist()
        ['C0000001']
        """
        check_not_reserved(check_table(table), check_name(name))
        request = publishing.Request(
            table,
            name,
            check_date("as_of", as_of),
            parameters,
            channel,
            run_key,
            Exclusions.of(max_contacts, suppress),
        )
        return publishing.publish(self, request, data)

    @property
    def universal_control(self) -> UniversalControl | None:
        """The universal control group in force in the workspace; None if there is none."""
        return current_control(self.workspace)

    def publications(
        self,
        table: str,
        *,
        name: str | None = None,
        as_of: str | dt.date | None = None,
        same_inputs: bool = False,
    ) -> list[Publication]:
        """The complete publications of a table, the latest last.

        Parameters
        ----------
        table : {"tags", "segments", "scores", "plans", "assignments", "effects"}
            Which published table.
        name, as_of : optional
            Only those of this name, of exactly this day.
        same_inputs : bool
            Only those made from the very input files of this mart.
        """
        found = self.workspace.complete(
            check_table(table),
            name=None if name is None else check_name(name),
            as_of=None if as_of is None else check_date("as_of", as_of),
        )
        if same_inputs:
            found = [p for p in found if p.manifest["inputs"]["snapshot"] == self.snapshot]
        return found

    def latest_publication(
        self,
        table: str,
        *,
        name: str = "default",
        as_of: str | dt.date | None = None,
        same_inputs: bool = False,
    ) -> Publication:
        """The last complete publication: the latest `as_of`, then the latest published.

        Raises
        ------
        NotPublished
            If there is none.
        """
        found = self.publications(table, name=name, as_of=as_of, same_inputs=same_inputs)
        if found:
            return found[-1]
        others = self.publications(table)
        has = ", ".join(sorted({f"'{p.name}' as of {p.as_of}" for p in others})) or "none at all"
        wanted = f" as of {as_of}" if as_of is not None else ""
        raise NotPublished(
            f"{table} '{name}'{wanted} is not published in '{self.workspace.root}' (there: {has}); "
            f"publish it with mart.publish({table!r}, ..., name={name!r}) or open the mart with the "
            "workspace that holds it"
        )

    def latest(
        self,
        table: str,
        *,
        name: str = "default",
        as_of: str | dt.date | None = None,
        same_inputs: bool = False,
    ) -> ibis.Table:
        """The rows of `latest_publication`, lazily."""
        publication = self.latest_publication(
            table, name=name, as_of=as_of, same_inputs=same_inputs
        )
        return self.connection.read_parquet(list(publication.files))

    def batches(self, table: ibis.Table, rows: int = 100_000) -> Iterator[pa.RecordBatch]:
        """The rows of a query, streamed as Arrow record batches of at most `rows`.

        Examples
        --------
        >>> import marketing_ds as mds
        >>> with mds.open_mart("data_samples") as mart:
        ...     sum(batch.num_rows for batch in mart.batches(mart["customers"], rows=4_000))
        10000
        """
        return self.connection.batches(table, rows)

    def map_batches(
        self,
        table: ibis.Table,
        function: BatchFunction,
        schema: ibis.Schema,
        *,
        rows: int = 65_536,
        threads: int = 1,
    ) -> ibis.Table:
        """What a Python function makes of the rows of a query, without bringing them together.

        Parameters
        ----------
        table : ibis.Table
            A query of this mart.
        function : callable
            Takes a `pyarrow.RecordBatch` of some rows and gives one with the columns of `schema`.
            It must not depend on how the rows are cut into batches.
        schema : ibis.Schema
            What comes out.
        rows : int, default 65,536
            Rows in a batch, at most.
        threads : int, default 1
            Calls at once on DuckDB, while more rows are read: pays where the function is one that
            lets go of Python's lock. Spark has its workers.

        Returns
        -------
        ibis.Table
            On DuckDB computed at once, into a file that is gone when the mart is closed. On Spark
            computed by its workers (`mapInArrow`) whenever the table is used; they need this package
            and whatever the function uses, and get the function pickled, with what it holds.

        Examples
        --------
        >>> import ibis
        >>> import pyarrow as pa
        >>> import marketing_ds as mds
        >>> def initials(batch):
        ...     ids = batch["customer_id"].to_pylist()
        ...     return pa.record_batch({"initial": [name[0] for name in ids]})
        >>> with mds.open_mart("data_samples") as mart:
        ...     found = mart.map_batches(mart["customers"], initials, ibis.schema({"initial": "string"}))
        ...     found.distinct().to_pyarrow().to_pylist()
        [{'initial': 'C'}]
        """
        return self.connection.map_batches(
            table, function, schema, rows, check_count("threads", threads, low=1)
        )

    def spark_frame(self, table: ibis.Table) -> AbstractContextManager[Any]:
        """A query as a `pyspark.sql.DataFrame`, for libraries that work on those.

        It is to be used within a ``with``, where workers on this machine run this very Python.

        Raises
        ------
        InvalidInput
            If the mart is not on Spark.
        """
        return self.connection.spark_frame(table)

    def write_parquet(self, table: ibis.Table, folder: Path, *, small: bool = True) -> list[Path]:
        """Write the rows of a query to `part-….parquet` in a folder, which is made if need be.

        Parameters
        ----------
        table : ibis.Table
            The query.
        folder : Path
            Where to.
        small : bool, default True
            Whether files are to be small; else they are written in less time, for what is read
            once or twice.

        Returns
        -------
        list of Path
            The files: one on DuckDB, perhaps several on Spark. Read one after another they hold
            the rows in the order of the query.

        Raises
        ------
        InvalidInput
            If the folder already holds such files.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.glob(PART.format("*"))):
            raise InvalidInput(f"folder must hold no {PART.format('…')} yet, got '{folder}'")
        return self.connection.write_parquet(table, folder, small=small)

    def read_parquet(self, paths: Sequence[Path]) -> ibis.Table:
        """Parquet files as one lazy table; folders `key=value` above them make no columns."""
        return self.connection.read_parquet(list(paths))

    def close(self) -> None:
        """Let go of the engine; lazy tables of this mart can no longer be run."""
        self.connection.close()

    def __enter__(self) -> Mart:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
