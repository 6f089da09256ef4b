"""Where public files come from, and that only published content gets through."""

from __future__ import annotations

import gzip
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from marketing_ds._core.errors import DatasetError
from marketing_ds.datasets.public_files import PublicFile, read_public

CONTENT = b"a,b\n1,2\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NOWHERE = "http://127.0.0.1:9/data.csv"  # the discard port: nobody listens


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MARKETING_DS_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder and the address it is served at; pooch's cache is a fresh one."""
    monkeypatch.delenv("MARKETING_DS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = tmp_path / "served"
    served.mkdir()
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *args: QuietHandler(*args, directory=str(served))
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield served, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return buffer.getvalue()


@pytest.mark.parametrize("packed", [True, False])
def test_the_folder_may_hold_the_file_gzipped_or_not(folder: Path, packed: bool) -> None:
    (folder / "set").mkdir()
    if packed:
        (folder / "set/data.csv.gz").write_bytes(gzip.compress(CONTENT))
    else:
        (folder / "set/data.csv").write_bytes(CONTENT)
    assert read_public(PublicFile("set/data.csv", SHA256, NOWHERE)) == CONTENT


def test_changed_content_names_file_both_checksums_and_the_way_out(folder: Path) -> None:
    (folder / "data.csv").write_bytes(b"other")
    with pytest.raises(DatasetError) as raised:
        read_public(PublicFile("data.csv", SHA256, NOWHERE))
    message = str(raised.value)
    assert str(folder / "data.csv") in message
    assert SHA256 in message
    assert hashlib.sha256(b"other").hexdigest() in message
    assert "put the published file there" in message


def test_a_file_missing_from_the_folder_is_named(folder: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"data\.csv\.gz was not found in .*unset MARKETING_DS_DATA"
    ):
        read_public(PublicFile("data.csv", SHA256, NOWHERE))


@pytest.mark.parametrize("cut", [5, -4])
def test_a_damaged_gzip_file_is_named(folder: Path, cut: int) -> None:
    (folder / "data.csv.gz").write_bytes(gzip.compress(CONTENT)[:cut])
    with pytest.raises(DatasetError, match=r"data\.csv\.gz cannot be read"):
        read_public(PublicFile("data.csv", SHA256, NOWHERE))


def test_a_variable_that_names_no_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKETING_DS_DATA", str(tmp_path / "none"))
    with pytest.raises(DatasetError, match="MARKETING_DS_DATA must name a folder"):
        read_public(PublicFile("data.csv", SHA256, NOWHERE))


def test_a_plain_file_is_downloaded_once(origin: tuple[Path, str]) -> None:
    served, url = origin
    (served / "data.csv").write_bytes(CONTENT)
    file = PublicFile("set/data.csv", SHA256, f"{url}/data.csv")
    assert read_public(file) == CONTENT
    (served / "data.csv").unlink()
    assert read_public(file) == CONTENT


def test_an_empty_variable_counts_as_not_set(
    origin: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    served, url = origin
    monkeypatch.setenv("MARKETING_DS_DATA", "")
    (served / "data.csv").write_bytes(CONTENT)
    assert read_public(PublicFile("data.csv", SHA256, f"{url}/data.csv")) == CONTENT


def test_an_archive_in_an_archive_is_unpacked(origin: tuple[Path, str]) -> None:
    served, url = origin
    (served / "all.zip").write_bytes(zipped(inner_zip=zipped(data_csv=CONTENT)))
    file = PublicFile("data.csv", SHA256, f"{url}/all.zip", ("inner.zip", "data.csv"))
    assert read_public(file) == CONTENT


def test_a_wrong_download_is_refused_and_not_kept(origin: tuple[Path, str]) -> None:
    served, url = origin
    file = PublicFile("set/data.csv", SHA256, f"{url}/data.csv")
    (served / "data.csv").write_bytes(b"<html>moved</html>")
    with pytest.raises(
        DatasetError, match=rf"sha256 {SHA256}.*MARKETING_DS_DATA.*set/data\.csv\.gz"
    ):
        read_public(file)
    (served / "data.csv").write_bytes(CONTENT)
    assert read_public(file) == CONTENT


@pytest.mark.parametrize(
    "wrong", [b"no archive", zipped(other_csv=CONTENT)], ids=["no archive", "another archive"]
)
def test_a_download_that_is_not_the_archive_is_refused_and_not_kept(
    origin: tuple[Path, str], wrong: bytes
) -> None:
    served, url = origin
    file = PublicFile("data.csv", SHA256, f"{url}/all.zip", ("data.csv",))
    (served / "all.zip").write_bytes(wrong)
    with pytest.raises(DatasetError, match=r"all\.zip must be a zip archive with data\.csv"):
        read_public(file)
    (served / "all.zip").write_bytes(zipped(data_csv=CONTENT))
    assert read_public(file) == CONTENT


@pytest.mark.parametrize("path", ["absent.csv", None])
def test_without_network_one_sentence_says_what_to_do(
    origin: tuple[Path, str], path: str | None
) -> None:
    url = f"{origin[1]}/{path}" if path else NOWHERE
    with pytest.raises(
        DatasetError, match=r"could not be downloaded .*MARKETING_DS_DATA"
    ) as raised:
        read_public(PublicFile("data.csv", SHA256, url))
    assert "\n" not in str(raised.value)


def test_a_part_that_is_nowhere_published_needs_the_folder(origin: tuple[Path, str]) -> None:
    with pytest.raises(DatasetError, match=r"data\.csv is not published by itself"):
        read_public(PublicFile("data.csv", SHA256, None))
