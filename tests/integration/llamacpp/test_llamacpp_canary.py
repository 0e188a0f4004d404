"""Hundreds of interleaved requests with secrets of their own: none is told to another, and each cell has one owner."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.canary_load import Found, run
from tests.integration.llamacpp.watched_cells import WatchedCells
from tests.integration.llamacpp.watched_engine import (
    SOUND,
    BlindCells,
    Kinds,
    MixedUpSequences,
    watched_engine,
)

pytestmark = [pytest.mark.model, pytest.mark.slow]

REQUESTS, SABOTAGED = 80, 16


async def canaries(
    smollm2: Path, folder: Path, kinds: Kinds, *, requests: int, conversations: int
) -> tuple[Found, WatchedCells]:
    with watched_engine(smollm2, folder, kinds) as make:
        engine = make()
        found = await run(engine.ask, requests=requests, owners=4, conversations=conversations)
        return found, engine.cells


def check(found: Found, cells: WatchedCells) -> None:
    """The promise."""
    assert not cells.violations
    assert not found.foreign
    assert not found.failed


async def test_no_answer_tells_a_foreign_secret_and_every_cell_has_its_owner(
    smollm2: Path, tmp_path: Path
) -> None:
    found, cells = await canaries(smollm2, tmp_path, SOUND, requests=REQUESTS, conversations=4)
    check(found, cells)
    assert found.finished + found.left == REQUESTS
    assert cells.steps > REQUESTS / 16
    # and a foreign secret would have been told, as one's own are
    assert found.own > found.finished / 2
    assert found.left
    assert sum(tokens > 0 for tokens in found.cached_tokens) > REQUESTS / 4, "conversations went on"


async def test_sabotage_foreign_words_in_the_cache_are_told(smollm2: Path, tmp_path: Path) -> None:
    """Both locks open: secrets leak, the watcher sees it, and the promise is red."""
    found, cells = await canaries(
        smollm2, tmp_path, (BlindCells, MixedUpSequences), requests=SABOTAGED, conversations=1
    )
    assert found.foreign
    assert "reads after another's words" in cells.violations
    with pytest.raises(AssertionError):
        check(found, cells)


async def test_sabotage_the_ledger_alone_keeps_secrets(smollm2: Path, tmp_path: Path) -> None:
    """The choice of sequences is broken: the ledger refuses, so that nothing leaks, and the promise is red."""
    found, cells = await canaries(
        smollm2, tmp_path, (WatchedCells, MixedUpSequences), requests=SABOTAGED, conversations=1
    )
    assert not found.foreign
    assert found.failed
    with pytest.raises(AssertionError):
        check(found, cells)
