"""Thousands of damaged model files are read or refused, and what is let through harms only who loads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatplatform.inference.engines.llamacpp.gguf import DamagedModel, GGUFHeader, read_header
from tests.benchmarks import gguf_fuzz
from tests.benchmarks.gguf_loading import FAILED, loader
from tests.benchmarks.gguf_mutants import sound_file

pytestmark = pytest.mark.slow


@pytest.mark.model
def test_mutants_are_accepted_or_refused(smollm2: Path) -> None:
    fuzzed = gguf_fuzz.fuzz(smollm2, count=2000, loads=3, seed=2)
    assert fuzzed.mutants == 2000
    assert 0 < fuzzed.accepted < 2000
    assert fuzzed.endings.total() == 3
    assert not fuzzed.endings[FAILED]


def test_the_file_that_mutants_are_made_of_is_loaded(tmp_path: Path) -> None:
    with loader() as loading:
        assert loading.load(sound_file().write(tmp_path / "sound.gguf")) == "loaded"


def test_sabotage_a_reader_that_raises_anything_else_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(path: Path) -> GGUFHeader:
        try:
            return read_header(path)
        except DamagedModel:
            raise OverflowError from None

    monkeypatch.setattr(gguf_fuzz, "read_header", careless)
    with pytest.raises(AssertionError):
        gguf_fuzz.fuzz(None, count=50, loads=0)
