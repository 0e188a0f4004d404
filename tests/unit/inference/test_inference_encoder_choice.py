"""In which numbers the encoder computes, and which texts it reads together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from chatplatform.inference.engines.encoder.batches import (
    LEAST_TOKENS,
    MOST_TOKENS,
    batch_tokens,
    next_batch,
)
from chatplatform.inference.engines.encoder.precision import Precision
from chatplatform.inference.engines.encoder.precision_choice import (
    Fingerprint,
    PrecisionChoice,
    Tried,
    choose,
)

EXACT = [[1.0, 0.0], [0.0, 1.0]]
NEAR = [[0.9999, 0.0141], [0.0, 1.0]]
FAR = [[1.0, 0.0], [0.6, 0.8]]
BROKEN = [[float("nan"), 0.0], [0.0, 1.0]]
FINGERPRINT = Fingerprint("a" * 64, "torch 2", "a processor")


class Machine:
    """What trials give here; counts them."""

    def __init__(self, **found: Tried | None) -> None:
        self._found = found
        self.trials: list[Precision] = []

    def __call__(self, precision: Precision) -> Tried | None:
        self.trials.append(precision)
        return self._found.get(precision)


def test_the_fastest_with_nearly_the_same_vectors_is_chosen() -> None:
    machine = Machine(float32=Tried(100, EXACT), bfloat16=Tried(210, NEAR), int8=Tried(190, NEAR))
    assert choose(machine) == ("bfloat16", 210)
    machine = Machine(float32=Tried(100, EXACT), bfloat16=Tried(130, NEAR), int8=Tried(190, NEAR))
    assert choose(machine) == ("int8", 190)


def test_vectors_that_move_too_far_are_refused_however_fast() -> None:
    for moved in (FAR, BROKEN):
        machine = Machine(float32=Tried(100, EXACT), bfloat16=Tried(900, moved), int8=Tried(110, NEAR))
        assert choose(machine) == ("float32", 100)


def test_what_cannot_be_run_is_left_out() -> None:
    assert choose(Machine(float32=Tried(100, EXACT), int8=Tried(300, NEAR))) == ("int8", 300)
    assert choose(Machine()) == ("float32", 0.0)


def test_a_choice_is_kept_until_what_it_depends_on_changes(tmp_path: Path) -> None:
    machine = Machine(float32=Tried(100, EXACT), bfloat16=Tried(300, NEAR))
    choice = PrecisionChoice(tmp_path / "precisions")
    assert choice.precision(FINGERPRINT, machine) == "bfloat16"
    tried = len(machine.trials)
    assert choice.precision(FINGERPRINT, machine) == "bfloat16"
    assert len(machine.trials) == tried
    slower = Machine(float32=Tried(100, EXACT))
    for changed in (
        replace(FINGERPRINT, libraries="torch 3"),
        replace(FINGERPRINT, processor="another"),
        replace(FINGERPRINT, sha256="b" * 64),
    ):
        assert choice.precision(changed, slower) == "float32"


def test_without_a_folder_nothing_is_tried_and_a_damaged_choice_is_made_anew(tmp_path: Path) -> None:
    machine = Machine(float32=Tried(100, EXACT), bfloat16=Tried(300, NEAR))
    assert PrecisionChoice(None).precision(FINGERPRINT, machine) == "float32"
    assert machine.trials == []
    choice = PrecisionChoice(tmp_path)
    choice.precision(FINGERPRINT, machine)
    (kept,) = tmp_path.iterdir()
    kept.write_text("{")
    assert choice.precision(FINGERPRINT, machine) == "bfloat16"


def test_a_batch_never_has_more_tokens_than_it_may_with_its_padding() -> None:
    counts = [5, 300, 7, 9, 512, 40]
    left = sorted(range(len(counts)), key=counts.__getitem__)
    batches = []
    while left:
        size = next_batch(left, counts, 100)
        batches.append(left[:size])
        left = left[size:]
    assert sorted(place for batch in batches for place in batch) == list(range(len(counts)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(counts[place] for place in batch) <= 100
    assert batches[0] == [0, 2, 3]


def test_a_slow_machine_reads_less_at_once() -> None:
    assert batch_tokens(1.0) == LEAST_TOKENS
    assert LEAST_TOKENS < batch_tokens(2000) < batch_tokens(5000) < MOST_TOKENS
    assert batch_tokens(1e9) == MOST_TOKENS
