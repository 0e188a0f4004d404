"""Benchmark data is fetched once, and only what is listed is taken."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.benchmarks import data


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a.txt").write_text("right")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "there")))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def _list(tmp_path: Path, address: str, **files: str) -> Path:
    rows = "\n".join(f'"{name}.txt" = "{sha256}"' for name, sha256 in files.items())
    path = tmp_path / "list.toml"
    path.write_text(f'[[set]]\nname = "s"\naddress = "{address}"\nlicence = "MIT"\n[set.files]\n{rows}\n')
    return path


def test_what_is_listed_comes_once(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(data.VARIABLE, str(tmp_path / "into"))
    listed = _list(tmp_path, address, a=hashlib.sha256(b"right").hexdigest())
    assert data.main(listed) == 0
    assert (tmp_path / "into" / "s" / "a.txt").read_text() == "right"
    (tmp_path / "there" / "a.txt").unlink()
    assert data.main(listed) == 0


def test_another_file_of_the_same_name_is_not_taken(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(data.VARIABLE, str(tmp_path / "into"))
    assert data.main(_list(tmp_path, address, a="0" * 64, b="1" * 64)) == 1
    said = capsys.readouterr().out
    assert "s/a.txt is not the file that was listed" in said
    assert "s/b.txt could not be fetched" in said
    assert not (tmp_path / "into" / "s" / "a.txt").exists()


def test_every_address_names_one_commit() -> None:
    for one in data.wanted():
        assert re.match(r"https://raw\.githubusercontent\.com/[\w.-]+/[\w.-]+/[0-9a-f]{40}/", one.url)
        assert re.fullmatch("[0-9a-f]{64}", one.sha256)
