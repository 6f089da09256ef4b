"""Where a mart's tables lie: a folder of Parquet or CSV, or a DuckDB file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import duckdb
import ibis
from ibis.backends.duckdb import Backend

from marketing_ds._core.errors import MartError, did_you_mean
from marketing_ds.schema import MART

Format = Literal["parquet", "csv", "duckdb"]
_ENDINGS: dict[str, Format] = {".parquet": "parquet", ".csv": "csv", ".csv.gz": "csv"}
_LAYOUT = (
    "a mart is a folder with customers.parquet (or customers.csv, customers.csv.gz, or a folder "
    "customers/ of such files) and further tables beside it, or a DuckDB file with these tables"
)
_DATABASE = "source"


@dataclass(frozen=True)
class TableFiles:
    """The files of one table, in a stable order; for a DuckDB file, the schema it lies in."""

    name: str
    format: Format
    files: tuple[Path, ...]
    database: str = ""


@dataclass(frozen=True)
class Source:
    """What `open_mart` was pointed at, and the contract's tables found there."""

    root: Path
    tables: dict[str, TableFiles] = field(default_factory=dict)

    def inputs(self) -> dict[str, Path]:
        """Every file that is read, by its path relative to the mart (the same in a copy)."""
        if self.root.is_file():
            return {"mart.duckdb": self.root}
        return {
            file.relative_to(self.root).as_posix(): file
            for table in self.tables.values()
            for file in table.files
        }


def find_tables(root: Path, con: Backend) -> Source:
    """Find the contract's tables under `root`; a DuckDB file is attached to `con`, read only."""
    if root.is_dir():
        source = Source(root, _tables_of_folder(root))
    elif root.is_file():
        source = Source(root, _tables_of_database(root, con))
    else:
        raise MartError(f"there is no mart at '{root}': {_LAYOUT}")
    absent = [name for name, table in MART.items() if table.required and name not in source.tables]
    if absent:
        found = ", ".join(source.tables) or "none of the contract's tables"
        raise MartError(f"'{root}' has no table '{absent[0]}' (found: {found}); {_LAYOUT}")
    return source


def read_raw(table: TableFiles, con: Backend) -> ibis.Table:
    """The table as the files have it, lazily; every column of a CSV is text here."""
    paths = [str(file) for file in table.files]
    several = {"union_by_name": True} if len(paths) > 1 else {}
    view = f"_raw_{table.name}"
    try:
        if table.format == "duckdb":
            return con.table(table.name, database=(_DATABASE, table.database))
        if table.format == "parquet":
            return con.read_parquet(paths, table_name=view, **_hive(table), **several)
        options = {"header": True, "all_varchar": True, "delim": ",", "quote": '"', "escape": '"'}
        return con.read_csv(paths, table_name=view, **options, **_hive(table), **several)
    except duckdb.Error as error:
        raise unreadable(table.name, table.files, error) from error


def unreadable(name: str, files: tuple[Path, ...], error: duckdb.Error) -> MartError:
    """The error of a table that cannot be read, naming the file where the engine's text does."""
    reason = str(error).strip().splitlines()[0]
    file = next((file for file in files if str(file) in reason), None)
    broken = file or (files[0] if len(files) == 1 else _first_damaged(files))
    where = f"file '{broken}'" if broken else f"one of its {len(files)} files"
    return MartError(f"table '{name}' cannot be read, {where}: {reason}; replace the file")


def _first_damaged(files: tuple[Path, ...]) -> Path | None:
    """The first file that the engine cannot read from end to end, by itself."""
    for file in files:
        reader = "read_parquet" if file.suffix == ".parquet" else "read_csv"
        with duckdb.connect() as con:
            try:
                con.execute(f"SELECT max(hash(COLUMNS(*))) FROM {reader}(?)", [str(file)])
            except duckdb.Error:
                return file
    return None


def _hive(table: TableFiles) -> dict[str, bool]:
    """Read `key=value` folders as columns of text; the contract then types them."""
    partitioned = any("=" in part for file in table.files for part in file.parent.parts[-6:])
    return {"hive_partitioning": True, "hive_types_autocast": False} if partitioned else {}


def _tables_of_folder(root: Path) -> dict[str, TableFiles]:
    found: dict[str, list[TableFiles]] = {}
    unknown: list[str] = []
    for entry in sorted(root.iterdir()):
        if entry.name[0] in "._":
            continue
        table = _table_of_entry(entry)
        if table is None:
            continue
        if table.name in MART:
            found.setdefault(table.name, []).append(table)
        else:
            unknown.append(table.name)
    for name in unknown:
        hint = did_you_mean(name, [known for known in MART if known not in found])
        if hint:
            raise MartError(f"'{root}' has a table '{name}' that the contract does not know{hint}")
    for name, tables in found.items():
        if len(tables) > 1:
            both = " and ".join(f"'{_entry_name(table, root)}'" for table in tables)
            raise MartError(f"table '{name}' is there twice: {both}; keep one of them")
    return {name: found[name][0] for name in MART if name in found}


def _entry_name(table: TableFiles, root: Path) -> str:
    return table.files[0].relative_to(root).parts[0]


def _table_of_entry(entry: Path) -> TableFiles | None:
    """The table that a file or folder holds by its name; None if it holds no data at all."""
    if entry.is_file():
        ending = _ending(entry)
        if ending is None:
            return None
        return TableFiles(entry.name.removesuffix(ending), _ENDINGS[ending], (entry,))
    files = sorted(file for file in entry.rglob("*") if _is_data(file, entry))
    if not files:
        if entry.name in MART:
            raise MartError(f"folder '{entry}' holds no Parquet or CSV file; {_LAYOUT}")
        return None
    formats = {_ENDINGS[_ending(file) or ""] for file in files}
    if len(formats) > 1 and entry.name in MART:
        raise MartError(f"folder '{entry}' mixes Parquet and CSV files; keep one kind")
    return TableFiles(entry.name, formats.pop(), tuple(files))


def _ending(file: Path) -> str | None:
    return next((ending for ending in _ENDINGS if file.name.endswith(ending)), None)


def _is_data(file: Path, folder: Path) -> bool:
    parts = file.relative_to(folder).parts
    return _ending(file) is not None and not any(p[0] in "._" for p in parts) and file.is_file()


def _tables_of_database(root: Path, con: Backend) -> dict[str, TableFiles]:
    quoted = str(root).replace("'", "''")
    try:
        con.raw_sql(f"ATTACH '{quoted}' AS {_DATABASE} (READ_ONLY, TYPE duckdb)")
    except duckdb.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise MartError(f"'{root}' cannot be read as a DuckDB file: {reason}; {_LAYOUT}") from error
    query = (
        "SELECT table_schema, table_name FROM information_schema.tables "
        f"WHERE table_catalog = '{_DATABASE}' ORDER BY table_schema <> 'main', table_schema"
    )
    tables: dict[str, TableFiles] = {}
    names: list[str] = []
    for database, name in con.raw_sql(query).fetchall():
        names.append(name)
        if name in MART:
            # `main` comes first and wins over a table of the same name in another schema.
            tables.setdefault(name, TableFiles(name, "duckdb", (root,), database))
    for name in names:
        hint = "" if name in MART else did_you_mean(name, [k for k in MART if k not in tables])
        if hint:
            raise MartError(f"'{root}' has a table '{name}' that the contract does not know{hint}")
    return {name: tables[name] for name in MART if name in tables}
