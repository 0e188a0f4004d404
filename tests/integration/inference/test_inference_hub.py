"""The hub's downloads, against an egress client of our own: pieces, resuming, and hubs that lie."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chatplatform.inference.model_files.catalogue import ModelFile
from chatplatform.inference.model_files.model_sources import hub
from chatplatform.inference.model_files.model_sources.errors import (
    SourceDamaged,
    SourceFailed,
    SourceUnreachable,
)
from chatplatform.privacy.egress import EgressFailed, EgressResponse

DATA = bytes(range(256)) * 40
PIECE = 4096


class FakeHub:
    """Serves DATA by range; `fail_at` breaks the request numbered so, `change` alters answers."""

    def __init__(self) -> None:
        self.ranges: list[str] = []
        self.fail_at: set[int] = set()
        self.status = 206
        self.total = len(DATA)
        self.shift = 0

    async def request(self, method: str, url: str, *, headers: Mapping[str, str]) -> EgressResponse:
        self.ranges.append(headers["Range"])
        if len(self.ranges) in self.fail_at:
            raise EgressFailed("egress_failed", "broken")
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", headers["Range"])
        assert found
        start, end = int(found[1]) + self.shift, int(found[2])
        described = {"content-range": f"bytes {start}-{end}/{self.total}"}
        return EgressResponse(self.status, described, DATA[start : end + 1])


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub()

    @asynccontextmanager
    async def open_fake(**options: object) -> AsyncIterator[FakeHub]:
        yield fake

    monkeypatch.setattr(hub, "open_egress", open_fake)
    monkeypatch.setattr(hub, "PIECE_BYTES", PIECE)
    monkeypatch.setattr(hub, "_unreachable", set())
    return fake


FILE = ModelFile.model_validate(
    {
        "name": "m.gguf",
        "size": len(DATA),
        "sha256": hashlib.sha256(DATA).hexdigest(),
        "hub": "https://hub.invalid/m.gguf",
    }
)


def fetch(target: Path) -> list[int]:
    told: list[int] = []
    hub.fetch(FILE, target, lambda got, detail: told.append(got))
    return told


def test_a_file_arrives_in_pieces(fake: FakeHub, tmp_path: Path) -> None:
    told = fetch(tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == DATA
    assert fake.ranges == ["bytes=0-4095", "bytes=4096-8191", "bytes=8192-10239"]
    assert told == [0, 4096, 8192, 10240]


def test_it_goes_on_where_it_was(fake: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(DATA[:5000])
    fetch(tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == DATA
    assert fake.ranges[0] == "bytes=5000-9095"


def test_a_broken_piece_is_asked_for_again(fake: FakeHub, tmp_path: Path) -> None:
    fake.fail_at = {2}
    fetch(tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == DATA


def test_a_hub_that_does_not_answer_is_given_up_at_once_and_remembered(fake: FakeHub, tmp_path: Path) -> None:
    fake.fail_at = set(range(100))
    for _ in range(2):
        with pytest.raises(SourceUnreachable):
            fetch(tmp_path / "m")
    assert len(fake.ranges) == 1


def test_what_had_arrived_stays_when_a_hub_goes_away(fake: FakeHub, tmp_path: Path) -> None:
    fake.fail_at = set(range(2, 100))
    with pytest.raises(SourceUnreachable):
        fetch(tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == DATA[:PIECE]


def test_a_missing_file_says_nothing_of_the_other_files(fake: FakeHub, tmp_path: Path) -> None:
    fake.status = 404
    with pytest.raises(SourceFailed, match="404"):
        fetch(tmp_path / "m")
    fake.status = 206
    fetch(tmp_path / "m")


@pytest.mark.parametrize("lie", ["total", "shift"])
def test_a_hub_with_another_file_is_not_believed(lie: str, fake: FakeHub, tmp_path: Path) -> None:
    setattr(fake, lie, 1)
    with pytest.raises(SourceDamaged):
        fetch(tmp_path / "m")
