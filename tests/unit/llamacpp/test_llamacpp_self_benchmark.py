"""What the self-benchmark chooses, keeps and leaves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chatplatform.inference.engines.llamacpp.context_settings import ContextSettings
from chatplatform.inference.engines.llamacpp.self_benchmark import (
    Fingerprint,
    SelfBenchmark,
    Speeds,
    others_cpu_s,
)

FINGERPRINT = Fingerprint(
    sha256="a" * 64, library="1", processor="x", cores=4, gpu_layers=0, wished_threads=0, memory_short=False
)
BASE = ContextSettings()


class Machine:
    """Measures as a table says: a factor for each setting that makes the usual speeds better or worse."""

    def __init__(self, speed_of: Callable[[ContextSettings], float], reading: float = 100.0) -> None:
        self._speed_of = speed_of
        self._reading = reading
        self.tried: list[ContextSettings] = []

    def __call__(self, settings: ContextSettings) -> Speeds | None:
        self.tried.append(settings)
        speed = self._speed_of(settings)
        return Speeds(self._reading * speed, 20 * speed, 60 * speed) if speed else None


def quiet(folder: Path, clock: Callable[[], float] = time.monotonic) -> SelfBenchmark:
    return SelfBenchmark(folder, clock, lambda: 0.0, lambda: 0.0, pause=lambda _s: None)


def chosen(tmp_path: Path, machine: Machine, fingerprint: Fingerprint = FINGERPRINT) -> ContextSettings:
    return quiet(tmp_path).settings(fingerprint, BASE, machine)[0]


def test_nothing_changes_for_a_small_gain(tmp_path: Path) -> None:
    assert chosen(tmp_path, Machine(lambda s: 1.04 if s.threads == 3 else 1.0)) == BASE


def test_clear_gains_are_taken_together(tmp_path: Path) -> None:
    machine = Machine(lambda s: (1.3 if s.threads == 2 else 1.0) * (1.2 if s.flash_attention == "off" else 1))
    assert chosen(tmp_path, machine) == ContextSettings(threads=2, flash_attention="off")


def test_a_gain_must_show_twice(tmp_path: Path) -> None:
    lucky = iter([1.5])
    assert chosen(tmp_path, Machine(lambda s: next(lucky, 1.0) if s.threads == 3 else 1.0)) == BASE


def test_what_cannot_be_run_is_not_chosen(tmp_path: Path) -> None:
    assert chosen(tmp_path, Machine(lambda s: 0.0 if s != BASE else 1.0)) == BASE


def test_a_smaller_cache_is_tried_only_when_memory_is_short_and_taken_when_not_slower(tmp_path: Path) -> None:
    usual, short = Machine(lambda s: 1.0), Machine(lambda s: 0.98 if s.kv_type == "q8_0" else 1.0)
    assert chosen(tmp_path, usual).kv_type == "f16"
    assert all(settings.kv_type == "f16" for settings in usual.tried)
    settings = chosen(tmp_path, short, replace(FINGERPRINT, memory_short=True))
    assert (settings.kv_type, settings.flash_attention) == ("q8_0", "on")
    slower = Machine(lambda s: 0.8 if s.kv_type == "q8_0" else 1.0)
    found = chosen(tmp_path, slower, replace(FINGERPRINT, memory_short=True, library="2"))
    assert found.kv_type == "f16"


def test_the_operators_threads_stand(tmp_path: Path) -> None:
    machine = Machine(lambda s: 2.0 if s.threads == 2 else 1.0)
    assert chosen(tmp_path, machine, replace(FINGERPRINT, wished_threads=4)) == BASE


def test_large_batches_are_for_fast_readers(tmp_path: Path) -> None:
    def better_large(settings: ContextSettings) -> float:
        return 2.0 if settings.batch > BASE.batch else 1.0

    assert chosen(tmp_path, Machine(better_large)) == BASE
    fast = chosen(tmp_path, Machine(better_large, reading=50_000), replace(FINGERPRINT, gpu_layers=30))
    assert fast.batch == 2048


def test_it_ends_in_time(tmp_path: Path) -> None:
    now = 0.0

    def slow(settings: ContextSettings) -> float:
        nonlocal now
        now += 5.0
        return 1.0

    machine = Machine(slow)
    quiet(tmp_path, clock=lambda: now).settings(FINGERPRINT, BASE, machine)
    assert len(machine.tried) == 1


@pytest.mark.parametrize(
    "changed", [{"library": "2"}, {"cores": 2}, {"processor": "y"}, {"gpu_layers": 9}, {"sha256": "b" * 64}]
)
def test_a_choice_is_kept_until_what_it_depends_on_changes(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    first = Machine(lambda s: 2.0 if s.threads == 2 else 1.0)
    assert chosen(tmp_path, first).threads == 2
    again = Machine(lambda s: 1.0)
    assert quiet(tmp_path).settings(FINGERPRINT, BASE, again) == (ContextSettings(threads=2), True)
    assert again.tried == []
    assert chosen(tmp_path, again, replace(FINGERPRINT, **changed)) == BASE  # type: ignore[arg-type]
    assert again.tried


def test_a_damaged_record_is_made_anew(tmp_path: Path) -> None:
    chosen(tmp_path, Machine(lambda s: 1.0))
    for path in tmp_path.iterdir():
        path.write_text("{")
    again = Machine(lambda s: 1.0)
    chosen(tmp_path, again)
    assert again.tried


def test_without_a_folder_nothing_is_tried() -> None:
    machine = Machine(lambda s: 1.0)
    assert SelfBenchmark(None).settings(FINGERPRINT, BASE, machine) == (BASE, False)
    assert machine.tried == []


def test_what_was_measured_on_a_busy_machine_is_not_believed(tmp_path: Path) -> None:
    now = 0.0

    def better(settings: ContextSettings) -> float:
        nonlocal now
        now += 0.5
        return 2.0 if settings.threads == 2 else 1.0

    busy = SelfBenchmark(tmp_path, lambda: now, lambda: 0.0, lambda: now * 0.6, lambda _s: None)
    assert busy.settings(FINGERPRINT, BASE, Machine(better)) == (BASE, False)
    assert list(tmp_path.iterdir()) == []
    calm = SelfBenchmark(tmp_path, lambda: now, lambda: 0.0, lambda: now * 0.1, lambda _s: None)
    assert calm.settings(FINGERPRINT, BASE, Machine(better)) == (ContextSettings(threads=2), True)


def test_time_of_others_only_goes_up() -> None:
    before = others_cpu_s()
    assert others_cpu_s() >= before - 0.05


def test_on_a_busy_machine_nothing_is_tried(tmp_path: Path) -> None:
    now = 0.0

    def pause(seconds: float) -> None:
        nonlocal now
        now += seconds

    machine = Machine(lambda s: 1.0)
    busy = SelfBenchmark(tmp_path, lambda: now, lambda: now, lambda: 0.0, pause)
    assert busy.settings(FINGERPRINT, BASE, machine) == (BASE, False)
    assert machine.tried == []
