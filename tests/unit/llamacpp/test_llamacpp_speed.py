"""Moving averages of reading and writing."""

from __future__ import annotations

from chatplatform.inference.engines.llamacpp.gguf import GGUFHeader
from chatplatform.inference.engines.llamacpp.served_model import cache_cells
from chatplatform.inference.engines.llamacpp.speed import SpeedMeter


def test_nothing_is_said_before_anything_was_measured() -> None:
    assert SpeedMeter().wait_s(unread=100, rounds=1) is None


def test_speeds_follow_what_happens() -> None:
    meter = SpeedMeter()
    meter.step(read=100, writing=0, seconds=1)
    meter.step(read=0, writing=4, seconds=0.1)
    assert (meter.reading_tokens_s, meter.writing_tokens_s) == (100, 10)
    for _ in range(50):
        meter.step(read=100, writing=0, seconds=0.5)
    assert meter.reading_tokens_s is not None
    assert 195 < meter.reading_tokens_s <= 200


def test_reading_beside_writers_is_what_it_costs_them() -> None:
    meter = SpeedMeter()
    meter.step(read=100, writing=0, seconds=0.5)
    meter.step(read=0, writing=4, seconds=0.04)
    meter.step(read=20, writing=4, seconds=0.14)
    assert meter.beside_tokens_s is not None
    assert 199 < meter.beside_tokens_s < 201
    for _ in range(50):  # others take the processor
        meter.step(read=20, writing=4, seconds=0.84)
    assert 24 < meter.beside_tokens_s < 27
    assert meter.reading_tokens_s == 200
    meter.step(read=20, writing=4, seconds=0.02)
    assert meter.beside_tokens_s < 1100, "a step that was quicker than one without reading proves little"


def test_a_wait_is_reading_and_writing_of_those_before() -> None:
    meter = SpeedMeter()
    meter.step(read=100, writing=0, seconds=1)
    meter.step(read=0, writing=1, seconds=0.1)
    meter.answer_tokens = 50
    assert meter.wait_s(unread=200, rounds=2) == 200 / 100 + 2 * 50 / 10


def test_the_cache_is_cut_to_the_memory() -> None:
    metadata = {
        "general.architecture": "llama",
        "llama.block_count": 10,
        "llama.embedding_length": 64,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2,
    }
    header = GGUFHeader(3, metadata, (), 32, 0, 0)
    assert header.cache_bytes_per_token == 10 * 2 * 32 * 2
    assert cache_cells(header, 1000, available_bytes=10**9) == 2000
    assert cache_cells(header, 1000, available_bytes=1280 * 2 * 1500) == 1500
    assert cache_cells(header, 1000, available_bytes=0) == 1000
