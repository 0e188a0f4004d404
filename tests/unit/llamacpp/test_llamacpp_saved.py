"""What leaves the cache comes back: from memory, from disk, after a restart; to its owner only, and never for ever."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from chatplatform.inference.engines.llamacpp import scheduler as scheduler_module
from chatplatform.inference.engines.llamacpp.generation import Failed, Finished, Started
from chatplatform.inference.engines.llamacpp.owned_cells import PLATFORM, OwnedCells, OwnershipViolated
from chatplatform.inference.engines.llamacpp.refusals import QueueFull
from chatplatform.inference.engines.llamacpp.saved_conversations import SavedConversations, SavedState
from chatplatform.inference.engines.llamacpp.saved_prefixes import SavedPrefixes
from chatplatform.inference.engines.llamacpp.sequences import IDLE_CELLS
from tests.unit.llamacpp.collecting import WAIT_S, Desk, desk, request
from tests.unit.llamacpp.fake_context import FakeContext, as_tokens

SYSTEM = "You are the assistant of a shop for tents and boots. "
WORDS = "My tent is red and my number is 4000. "
KEY = b"k" * 32


def conversations(folder: Path | None = None, *, memory: int = 1_000_000) -> SavedConversations:
    return SavedConversations(folder, memory_bytes=memory, disk_bytes=1_000_000)


def prefixes(folder: Path | None, *, model: str = "m", key: bytes = KEY) -> SavedPrefixes:
    return SavedPrefixes(folder, key, model=model, memory_bytes=1_000_000)


def state(owner: str, text: str) -> SavedState:
    return SavedState(owner, as_tokens(text), 0, text.encode())


def crowd(at: Desk, count: int = 8) -> None:
    """So many conversations of others that the first ones have to leave."""
    for number in range(count):
        at.ask(request(f"{number:03}" + "x" * 70, owner=f"other {number}")).all()


@pytest.fixture(params=["memory", "disk"])
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SavedConversations]:
    with closing(conversations(tmp_path, memory=1_000_000 if request.param == "memory" else 1)) as store:
        yield store


@pytest.fixture
def small(saved: SavedConversations) -> Iterator[Desk]:
    """A scheduler with little room."""
    with desk(FakeContext(cells=320), context_tokens=160, conversations=saved) as at:
        yield at


# ---------------------------------------------------------------------- conversations


def test_a_conversation_that_had_to_leave_comes_back(small: Desk) -> None:
    asked = WORDS * 2
    answer = small.ask(request(asked, owner="alice")).answer()
    crowd(small)
    again = small.ask(request(asked + answer + " And?", owner="alice"))
    alone = again.answer()
    assert again.started.cached_tokens == len(asked + answer) - 1
    with desk() as fresh:
        assert fresh.ask(request(asked + answer + " And?")).answer() == alone


def test_it_comes_back_on_the_platforms_prefix(small: Desk) -> None:
    answer = small.ask(request(WORDS * 2, system=SYSTEM, owner="alice", max_tokens=4)).answer()
    crowd(small)
    again = small.ask(request(WORDS * 2 + answer + "?", system=SYSTEM, owner="alice", max_tokens=4))
    alone = again.answer()
    # its prefix has left too, so the conversation can only come back if that does
    assert again.started.cached_tokens in (0, len(SYSTEM + WORDS * 2 + answer) - 1)
    with desk() as fresh:
        assert fresh.ask(request(WORDS * 2 + answer + "?", system=SYSTEM, max_tokens=4)).answer() == alone


def test_it_comes_back_with_its_prefix(saved: SavedConversations, tmp_path: Path) -> None:
    context = FakeContext(cells=320)
    with desk(context, context_tokens=160, conversations=saved, prefixes=prefixes(tmp_path)) as at:
        answer = at.ask(request(WORDS * 2, system=SYSTEM, owner="alice", max_tokens=4)).answer()
        crowd(at)
        again = at.ask(request(WORDS * 2 + answer + "?", system=SYSTEM, owner="alice", max_tokens=4))
        again.all()
        assert again.started.cached_tokens == len(SYSTEM + WORDS * 2 + answer) - 1
        runs = [at.scheduler.cells.owners(seq) for seq in range(context.sequences)]
        assert [(len(SYSTEM), PLATFORM), (len(SYSTEM + WORDS * 2 + answer) + 4, "alice")] in runs


def test_another_owner_gets_nothing_of_it(small: Desk) -> None:
    small.ask(request(WORDS * 2, owner="alice")).all()
    crowd(small)
    mallory = small.ask(request(WORDS * 2, owner="mallory"))
    mallory.all()
    assert mallory.started.cached_tokens == 0


class Leaky(SavedConversations):
    """Sabotage: what was saved for one comes back to anyone."""

    def _may_serve(self, saved_for: str, owner: str) -> bool:
        return True


def test_sabotage_the_ledger_refuses_what_was_saved_for_another() -> None:
    leaky = Leaky(None, memory_bytes=1_000_000, disk_bytes=0)
    with desk(FakeContext(cells=320), context_tokens=160, conversations=leaky) as at:
        at.ask(request(WORDS * 2, owner="alice")).all()
        crowd(at)
        mallory = at.ask(request(WORDS * 2, owner="mallory"))
        assert isinstance(mallory.all()[-1], Failed)


def test_models_that_forget_only_whole_sequences_get_whole_ones_back() -> None:
    context = FakeContext(cells=320, can_trim=False)
    with desk(context, context_tokens=160, conversations=conversations()) as at:
        answer = at.ask(request(WORDS * 2, owner="alice")).answer()
        crowd(at)
        other = at.ask(request(WORDS + "Other words than before.", owner="alice", keep=False))
        other.all()
        assert other.started.cached_tokens == 0
        again = at.ask(request(WORDS * 2 + answer + " And?", owner="alice"))
        again.all()
        assert again.started.cached_tokens == len(WORDS * 2 + answer) - 1


def test_what_is_told_to_be_forgotten_is_forgotten_everywhere(small: Desk) -> None:
    small.ask(request(WORDS * 2, owner="alice")).all()
    crowd(small)
    small.ask(request(WORDS * 2 + "more", owner="alice")).all()
    small.scheduler.forget("alice")
    again = small.ask(request(WORDS * 2 + "more", owner="alice"))
    again.all()
    assert again.started.cached_tokens == 0


def test_what_runs_while_its_owner_is_forgotten_leaves_nothing(saved: SavedConversations) -> None:
    context = FakeContext(cells=320)
    with desk(context, context_tokens=160, conversations=saved, parallel=1) as at:
        context.hold()
        running = at.ask(request(WORDS * 2, owner="alice"))
        queued = at.ask(request(WORDS * 2 + "more", owner="alice"))
        context.decoding.wait(WAIT_S)
        at.scheduler.forget("alice")
        context.let()
        running.all()
        queued.all()
        at.until_idle()
        assert at.scheduler.sequences.kept == 0
        again = at.ask(request(WORDS * 2 + "more", owner="alice"))
        again.all()
        assert again.started.cached_tokens == 0


def test_what_must_not_be_written_down_is_read_again(small: Desk, saved: SavedConversations) -> None:
    asked = replace(request(WORDS * 2, owner="alice"), no_store=True)
    answer = small.ask(asked).answer()
    # as long as it has room it is gone on with, and what follows is not written down either
    more = small.ask(request(WORDS * 2 + answer + "more", owner="alice"))
    more.all()
    assert more.started.cached_tokens > len(WORDS * 2)
    crowd(small)
    assert len(saved) > 0
    assert saved.longest("alice", as_tokens(WORDS * 2)) == (None, 0)


def test_an_idle_engine_saves_and_overwrites(
    monkeypatch: pytest.MonkeyPatch, saved: SavedConversations
) -> None:
    monkeypatch.setattr(scheduler_module, "IDLE_KEEP_S", 0.1)
    with desk(conversations=saved) as at:
        answer = at.ask(request(WORDS * 2, owner="alice")).answer()
        deadline = time.monotonic() + WAIT_S
        while at.context.used:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        again = at.ask(request(WORDS * 2 + answer + " And?", owner="alice"))
        again.all()
        assert again.started.cached_tokens == len(WORDS * 2 + answer) - 1


# ---------------------------------------------------------------------- the store by itself


def test_the_oldest_go_to_disk_and_then_for_good(tmp_path: Path) -> None:
    store = SavedConversations(tmp_path, memory_bytes=10, disk_bytes=10)
    for number in range(4):
        store.keep(state(str(number), f"words {number}"), now=number)
    assert (store.bytes_in_memory, store.bytes_on_disk, len(store)) == (7, 7, 2)
    assert store.longest("1", as_tokens("words 1")) == (None, 0)
    key, common = store.longest("2", as_tokens("words 2"))
    assert key is not None
    assert common == 7
    taken = store.take(key)
    assert taken is not None
    assert taken.data == b"words 2"
    store.close()


def test_on_disk_lie_neither_names_nor_words(tmp_path: Path) -> None:
    store = SavedConversations(tmp_path, memory_bytes=0, disk_bytes=1_000)
    store.keep(state("alice", WORDS), now=0)
    assert store.bytes_on_disk
    assert list(tmp_path.iterdir()) == []
    store.close()


def test_a_longer_state_takes_the_place_of_a_shorter_one() -> None:
    store = conversations()
    store.keep(state("alice", "one"), now=0)
    store.keep(state("alice", "one two"), now=1)
    store.keep(state("bob", "one two three"), now=1)
    assert len(store) == 2


def test_states_are_forgotten_after_their_time(saved: SavedConversations) -> None:
    saved.keep(state("alice", "one"), now=10)
    saved.keep(state("bob", "two"), now=20)
    assert saved.forget_before(15) == 1
    assert saved.longest("alice", as_tokens("one")) == (None, 0)


def test_a_broken_disk_costs_reading_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = SavedConversations(tmp_path / "file" / "folder", memory_bytes=0, disk_bytes=1_000)
    store.keep(state("alice", "one"), now=0)
    assert len(store) == 0


# ---------------------------------------------------------------------- platform prefixes


def test_a_full_disk_keeps_no_half_of_a_prefix(tmp_path: Path) -> None:
    usual, signals = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, usual[1]))
    try:
        prefixes(tmp_path).keep((1, 2, 3), b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        signal.signal(signal.SIGXFSZ, signals)
    assert list(tmp_path.iterdir()) == []


def test_little_stays_idle_in_the_cache_and_the_rest_comes_back() -> None:
    for store, kept in ((None, 4), (conversations(), 2)):
        context = FakeContext(cells=8 * 4096)
        with desk(context, context_tokens=4096, conversations=store) as at:
            for number in range(4):
                at.ask(request(f"{number}" * 480, owner=f"person {number}")).all()
            at.until_idle()
            assert at.scheduler.sequences.kept == kept
            assert store is None or at.scheduler.sequences.idle_cells <= IDLE_CELLS
            again = at.ask(request("0" * 480 + "more", owner="person 0"))
            again.all()
            assert again.started.cached_tokens >= 480


def test_a_prefix_outlives_the_engine(tmp_path: Path) -> None:
    with desk(prefixes=prefixes(tmp_path)) as at:
        answer = at.ask(request(WORDS, system=SYSTEM, owner="alice")).answer()
    with desk(prefixes=prefixes(tmp_path)) as at:
        first = at.ask(request(WORDS, system=SYSTEM, owner="bob"))
        assert first.answer() == answer
        assert first.started.cached_tokens == len(SYSTEM)


def test_nothing_but_the_platforms_text_is_in_it(tmp_path: Path) -> None:
    context = FakeContext()
    with desk(context, prefixes=(store := prefixes(tmp_path))) as at:
        at.ask(request(WORDS, system=SYSTEM, owner="alice")).all()
        data = store.find(as_tokens(SYSTEM))
    assert data is not None
    context.restore(0, data)
    assert bytes(context.tokens(0)).decode() == SYSTEM


@pytest.mark.parametrize("other", [{"model": "another"}, {"key": b"x" * 32}])
def test_a_prefix_of_another_model_or_key_is_none(tmp_path: Path, other: dict[str, object]) -> None:
    prefixes(tmp_path).keep((1, 2, 3), b"state")
    assert prefixes(tmp_path).find((1, 2, 3)) == b"state"
    assert prefixes(tmp_path, **other).find((1, 2, 3)) is None  # type: ignore[arg-type]


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    prefixes(tmp_path).keep((1, 2, 3), b"state")
    (file,) = tmp_path.iterdir()
    assert b"state" not in file.read_bytes()
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert prefixes(tmp_path).find((1, 2, 3)) is None
    assert not file.exists()


# ---------------------------------------------------------------------- the ledger


def test_the_ledger_saves_and_restores_owners() -> None:
    cells = OwnedCells(FakeContext())
    text = as_tokens(SYSTEM + WORDS)
    from chatplatform.inference.engines.llamacpp.context import Piece

    half = len(text) // 2
    cells.decode([(Piece(0, 0, text[:half], sample=False), "alice", len(SYSTEM))])
    cells.decode([(Piece(0, half, text[half:], sample=False), "alice", len(SYSTEM))])
    owner, data = cells.save(0, len(SYSTEM))
    assert owner == "alice"
    with pytest.raises(OwnershipViolated):
        cells.save(0, len(SYSTEM) + 1)  # alice's words are nobody's prefix
    with pytest.raises(OwnershipViolated):
        cells.restore(1, data, stop=len(text), owner=owner, base=(0, len(SYSTEM) + 1))
    with pytest.raises(OwnershipViolated):
        cells.restore(0, data, stop=len(text), owner=owner, base=None)
    cells.copy_platform(0, 2, len(SYSTEM))
    assert cells.restore(1, data, stop=len(text), owner=owner, base=(2, len(SYSTEM)))
    assert cells.owners(1) == [(len(SYSTEM), PLATFORM), (len(text), "alice")]


# ---------------------------------------------------------------------- turns


def test_people_take_turns() -> None:
    with desk(parallel=1) as at:
        at.context.hold()
        busy = [at.ask(request(f"a{n}", owner="alice")) for n in range(6)]
        bob = at.ask(request("b", owner="bob"))
        at.context.let()
        bob.all()
        for each in busy:
            each.all()
    # one of alice's ran already, so bob was next
    assert bob.places[-1] == 1
    assert max(busy[5].places) == 6


def test_nobody_takes_every_place(monkeypatch: pytest.MonkeyPatch) -> None:
    from chatplatform.inference.engines.llamacpp import work_queue

    monkeypatch.setattr(work_queue, "MAX_RUNNING_OF_ONE", 2)
    with desk(parallel=3) as at:
        alice = [at.ask(request(f"a{n}", owner="alice", max_tokens=600)) for n in range(3)]
        for each in alice[:2]:
            each.until(Started)
        bob = at.ask(request("b", owner="bob"))
        assert isinstance(bob.all()[-1], Finished)
        assert at.scheduler.queued == 1
        for each in alice:
            at.cancel(each)


def test_one_person_cannot_fill_the_queue(at_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler_module, "MAX_QUEUED_OF_ONE", 2)
    at_desk.context.hold()
    for _number in range(2):
        at_desk.ask(request("a", owner="alice"))
    more = [request("a", owner="alice") for number in range(3)]
    with pytest.raises(QueueFull):
        list(map(at_desk.ask, more))
    at_desk.ask(request("b", owner="bob"))


@pytest.fixture
def at_desk() -> Iterator[Desk]:
    with desk(parallel=1) as at:
        yield at


def test_a_short_prompt_is_read_before_a_long_one() -> None:
    with desk() as at:
        at.ask(request("x" * 64)).all()  # so that a speed is known
        at.context.hold()
        long = at.ask(request("y" * 900, owner="long", max_tokens=1))
        short = at.ask(request("z" * 20, owner="short", max_tokens=1))
        at.context.let()
        long.all()
        short.all()
        pieces = [piece for batch in at.context.batches for piece in batch]
        assert pieces[-1].start + len(pieces[-1].tokens) == 900, "the long one is finished last"
