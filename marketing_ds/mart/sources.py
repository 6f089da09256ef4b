"""Where a mart's tables lie: a folder of Parquet or CSV, or a DuckDB file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import ibis

from marketing_ds._core.errors import MartError, did_you_mean
from marketing_ds.schema import MART

from .folders import File, Folder, LocalFolder, is_uri
from .snapshot import fingerprint

if TYPE_CHECKING:
    from .engines import Engine

Format = Literal["parquet", "csv", "duckdb"]
_ENDINGS: dict[str, Format] = {".parquet": "parquet", ".csv": "csv", ".csv.gz": "csv"}
_LAYOUT = (
    "a mart is a folder with customers.parquet (or customers.csv, customers.csv.gz, or a folder "
    "customers/ of such files) and further tables beside it, or a DuckDB file with these tables"
)
_CATALOG = "source"


@dataclass(frozen=True)
class TableFiles:
    """The files of one table, in a stable order; for a DuckDB file, the schema it lies in."""

    name: str
    format: Format
    folder: Folder
    relative: tuple[str, ...]
    """The files by their path relative to the mart's folder."""
    schema: tuple[str, str] | None = None
    """For a table of a DuckDB file: catalogue and schema."""

    @property
    def files(self) -> tuple[File, ...]:
        """The files themselves."""
        return tuple(self.folder.file(name) for name in self.relative)

    @property
    def stamps(self) -> dict[str, str]:
        """Length and time of change of each file, by its relative path."""
        return self.folder.stamps(self.relative)

    @property
    def hive(self) -> bool:
        """Whether folders `key=value` below the mart's hold columns."""
        return any("=" in part for name in self.relative for part in name.split("/")[:-1])


@dataclass(frozen=True)
class Source:
    """What `open_mart` was pointed at, and the contract's tables found there."""

    root: Path | str
    tables: dict[str, TableFiles] = field(default_factory=dict)

    def snapshot(self, remembered: Path) -> str:
        """The fingerprint of all files that are read; a copy of a folder has the same."""
        tables = list(self.tables.values())
        names = dict.fromkeys(name for table in tables for name in table.relative)
        digests = tables[0].folder.digests(names, remembered)
        if tables[0].format == "duckdb":  # whatever the file is called
            digests = {"mart.duckdb": digests[tables[0].relative[0]]}
        return fingerprint(digests)


def find_tables(root: Path | str, engine: Engine) -> Source:
    """Find the contract's tables under `root`; a DuckDB file is attached, read only."""
    folder = _folder(root, engine)
    if folder is not None:
        source = Source(root, _tables_of_folder(folder))
    else:
        source = Source(root, _tables_of_database(Path(root), engine))
    absent = [name for name, table in MART.items() if table.required and name not in source.tables]
    if absent:
        found = ", ".join(source.tables) or "none of the contract's tables"
        raise MartError(f"'{root}' has no table '{absent[0]}' (found: {found}); {_LAYOUT}")
    return source


def _folder(root: Path | str, engine: Engine) -> Folder | None:
    """The folder at `root`; None if a file is there."""
    if is_uri(root):
        folder = engine.folder(str(root))
        if folder is None:
            raise MartError(f"there is no folder at '{root}': {_LAYOUT}")
        return folder
    path = Path(root)
    if path.is_dir():
        return LocalFolder(path)
    if path.is_file():
        return None
    elsewhere = "; a folder that only Spark reaches needs its address (hdfs://…)"
    hint = elsewhere if engine.name == "spark" else ""
    raise MartError(f"there is no mart at '{root}': {_LAYOUT}{hint}")


def read_raw(table: TableFiles, engine: Engine) -> ibis.Table:
    """The table as the files have it, lazily; every column of a CSV is text here."""
    try:
        return engine.read(table)
    except engine.errors as error:
        raise unreadable(table, engine, error) from error


def unreadable(table: TableFiles, engine: Engine, error: Exception) -> MartError:
    """The error of a table that cannot be read, naming the file where the engine's text does."""
    reason, files = engine.reason(error), table.files
    file = next((file for file in files if str(file) in reason), None)
    broken = file or (files[0] if len(files) == 1 else engine.damaged(table))
    where = f"file '{broken}'" if broken else f"one of its {len(files)} files"
    return MartError(f"table '{table.name}' cannot be read, {where}: {reason}; replace the file")


def _tables_of_folder(folder: Folder) -> dict[str, TableFiles]:
    found: dict[str, list[TableFiles]] = {}
    unknown: list[str] = []
    for name, below in folder.entries().items():
        if name[0] in "._":
            continue
        table = _table_of_file(folder, name) if below is None else _table_of(folder, name, below)
        if table is None:
            continue
        if table.name in MART:
            found.setdefault(table.name, []).append(table)
        else:
            unknown.append(table.name)
    for name in unknown:
        hint = did_you_mean(name, [known for known in MART if known not in found])
        if hint:
            raise MartError(
                f"'{folder}' has a table '{name}' that the contract does not know{hint}"
            )
    for name, tables in found.items():
        if len(tables) > 1:
            both = " and ".join(f"'{table.relative[0].split('/')[0]}'" for table in tables)
            raise MartError(f"table '{name}' is there twice: {both}; keep one of them")
    return {name: found[name][0] for name in MART if name in found}


def _table_of_file(folder: Folder, name: str) -> TableFiles | None:
    """The table that a file is by its name; None if it holds no data."""
    ending = _ending(name)
    if ending is None:
        return None
    return TableFiles(name.removesuffix(ending), _ENDINGS[ending], folder, (name,))


def _table_of(folder: Folder, name: str, below: tuple[str, ...]) -> TableFiles | None:
    """The table that a folder in the mart's folder holds; None if it holds no data."""
    files = tuple(file for file in below if _is_data(file))
    if not files:
        if name in MART:
            raise MartError(f"folder '{folder}/{name}' holds no Parquet or CSV file; {_LAYOUT}")
        return None
    formats = {_ENDINGS[_ending(file) or ""] for file in files}
    if len(formats) > 1 and name in MART:
        raise MartError(f"folder '{folder}/{name}' mixes Parquet and CSV files; keep one kind")
    return TableFiles(name, formats.pop(), folder, files)


def _ending(file: str) -> str | None:
    return next((ending for ending in _ENDINGS if file.endswith(ending)), None)


def _is_data(file: str) -> bool:
    return _ending(file) is not None and not any(part[0] in "._" for part in file.split("/"))


def _tables_of_database(root: Path, engine: Engine) -> dict[str, TableFiles]:
    try:
        names = engine.attach(root, _CATALOG)
    except engine.errors as error:
        raise MartError(
            f"'{root}' cannot be read as a DuckDB file: {engine.reason(error)}; {_LAYOUT}"
        ) from error
    tables: dict[str, TableFiles] = {}
    for database, name in names:
        if name in MART:
            # `main` comes first and wins over a table of the same name in another schema.
            file = LocalFolder(root.parent), (root.name,)
            tables.setdefault(name, TableFiles(name, "duckdb", *file, (_CATALOG, database)))
    for _, name in names:
        hint = "" if name in MART else did_you_mean(name, [k for k in MART if k not in tables])
        if hint:
            raise MartError(f"'{root}' has a table '{name}' that the contract does not know{hint}")
    return {name: tables[name] for name in MART if name in tables}
