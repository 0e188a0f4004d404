"""Speeds of models that were never measured: reckoned from those that were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chatplatform.environment.variables import Environment
from chatplatform.inference.model_files import speeds
from chatplatform.inference.model_files.speeds import Speed


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.ENVIRONMENT = Environment(models_dir=tmp_path)
    return tmp_path


def speed(megabytes: int, reading: float, writing: float) -> Speed:
    return Speed(reading_tokens_s=reading, writing_tokens_s=writing, file_bytes=megabytes * 1_000_000)


# measured on one machine with two cores: 135M, 0.5B and 1.5B
KNOWN = {"135m": speed(98, 260, 84), "0.5b": speed(491, 189, 39), "1.5b": speed(1117, 73, 25)}


def reckoned(megabytes: int, *known: str) -> tuple[float, float]:
    found = speeds.expected("new", megabytes * 1_000_000, {name: KNOWN[name] for name in known})
    assert found is not None
    return found.reading_tokens_s, found.writing_tokens_s


def test_nothing_is_said_before_anything_was_measured() -> None:
    assert speeds.expected("new", 1000, {}) is None


def test_what_was_measured_is_not_reckoned() -> None:
    found = speeds.expected("0.5b", 491_000_000, KNOWN)
    assert found is not None
    assert (found.reading_tokens_s, found.writing_tokens_s, found.based_on) == (189, 39, "0.5b")


@pytest.mark.parametrize("known", [("135m",), ("0.5b",), ("135m", "0.5b")])
def test_a_larger_model_is_rather_underrated(known: tuple[str, ...]) -> None:
    reading, writing = reckoned(1117, *known)
    assert 73 / 3 < reading < 73 * 1.2
    assert 25 / 3 < writing < 25 * 1.2


def test_between_two_it_lies_between() -> None:
    reading, writing = reckoned(491, "135m", "1.5b")
    assert 73 < reading < 260
    assert 0.7 * 39 < writing < 1.3 * 39


def test_twice_as_large_as_a_large_one_is_half_as_fast() -> None:
    assert reckoned(2234, "135m", "0.5b", "1.5b") == (36.5, 12.5)


def test_a_smaller_one_gains_less_than_its_size() -> None:
    _reading, writing = reckoned(98, "1.5b")
    assert 25 < writing < 25 * 1117 / 98


def test_what_is_kept_comes_back_and_damage_is_survived(folder: Path) -> None:
    speeds.remember("a", reading_tokens_s=100.04, writing_tokens_s=10.0, file_bytes=5)
    kept = speeds.measured("a")
    assert kept is not None
    assert kept.reading_tokens_s == 100.0
    (folder / ".speeds.json").write_text("{")
    assert speeds.measured("a") is None
    speeds.remember("b", reading_tokens_s=1, writing_tokens_s=1, file_bytes=5)
    assert speeds.measured("b") is not None
