"""No one's words are read on top of someone else's: canaries, the ledger, and each protection sabotaged."""

from __future__ import annotations

import pytest

from chatplatform.inference.engines.llamacpp.context import Piece
from chatplatform.inference.engines.llamacpp.generation import Failed, Finished
from chatplatform.inference.engines.llamacpp.owned_cells import PLATFORM, OwnedCells, OwnershipViolated
from chatplatform.inference.engines.llamacpp.scheduler import Scheduler
from chatplatform.inference.engines.llamacpp.sequences import Held, Sequences
from tests.unit.llamacpp.collecting import desk, request
from tests.unit.llamacpp.fake_context import FakeContext, as_tokens

SYSTEM = "You are the shop's assistant. "
CANARY = "My card number is 4000-1234-5678. "


class LeakySequences(Sequences):
    """Sabotage: kept conversations are continued for anyone."""

    def _may_continue(self, held: Held, owner: str) -> bool:
        return True


class LeakyScheduler(Scheduler):
    sequences_class = LeakySequences


class BlindCells(OwnedCells):
    """Sabotage: the ledger is not asked."""

    def _check(self, piece: Piece, owner: str) -> None:
        return


class DefencelessScheduler(LeakyScheduler):
    """Both protections removed."""

    cells_class = BlindCells


def check_that_nothing_is_shared(kind: type[Scheduler]) -> None:
    """The promise: whoever repeats another's words letter by letter is not served from the other's cache."""
    with desk(kind=kind) as at:
        at.ask(request(CANARY, system=SYSTEM, owner="alice")).all()
        mallory = at.ask(request(CANARY, system=SYSTEM, owner="mallory"))
        ending = mallory.all()[-1]
        assert isinstance(ending, Finished), "the request was refused"
        assert mallory.started.cached_tokens <= len(SYSTEM)
        for seq in range(at.context.sequences):
            owners = {owner for _stop, owner in at.scheduler.cells.owners(seq)} - {PLATFORM}
            assert len(owners) <= 1


def test_words_of_one_owner_serve_no_other() -> None:
    check_that_nothing_is_shared(Scheduler)


def test_sabotage_without_owner_check_the_ledger_refuses() -> None:
    with desk(kind=LeakyScheduler) as at:
        at.ask(request(CANARY, system=SYSTEM, owner="alice")).all()
        mallory = at.ask(request(CANARY, system=SYSTEM, owner="mallory"))
        assert isinstance(mallory.all()[-1], Failed)
        assert at.context.used == 0, "after a violation the cache is emptied"


@pytest.mark.parametrize("kind", [LeakyScheduler, DefencelessScheduler])
def test_sabotage_turns_the_promise_red(kind: type[Scheduler]) -> None:
    with pytest.raises(AssertionError):
        check_that_nothing_is_shared(kind)


def test_a_request_without_a_kept_conversation_leaves_nothing() -> None:
    with desk() as at:
        at.ask(request(CANARY, system=SYSTEM, owner="once", keep=False)).all()
        at.until_idle()
        held = {token for seq in range(at.context.sequences) for token in at.context.tokens(seq)}
        assert not held & set(as_tokens("4567"))


def test_only_the_system_message_is_held_without_an_owner() -> None:
    with desk() as at:
        at.ask(request(CANARY, system=SYSTEM, owner="alice")).all()
        for seq in range(at.context.sequences):
            runs = at.scheduler.cells.owners(seq)
            platform = [stop for stop, owner in runs if owner == PLATFORM]
            assert all(bytes(at.context.tokens(seq)[:stop]).decode() == SYSTEM for stop in platform)


# ---------------------------------------------------------------------- the ledger by itself


@pytest.fixture
def cells() -> OwnedCells:
    ledger = OwnedCells(FakeContext())
    ledger.decode([(Piece(0, 0, as_tokens(SYSTEM + CANARY), sample=False), "alice", len(SYSTEM))])
    return ledger


def test_the_ledger_knows_whose_tokens_are_whose(cells: OwnedCells) -> None:
    assert cells.owners(0) == [(len(SYSTEM), PLATFORM), (len(SYSTEM + CANARY), "alice")]


def test_no_one_reads_on_after_anothers_words(cells: OwnedCells) -> None:
    piece = Piece(0, len(SYSTEM + CANARY), as_tokens("x"), sample=True)
    with pytest.raises(OwnershipViolated):
        cells.decode([(piece, "mallory", 0)])
    assert cells.decode([(piece, "alice", len(SYSTEM))]) == [0]


def test_a_request_cannot_call_itself_the_platform(cells: OwnedCells) -> None:
    with pytest.raises(OwnershipViolated):
        cells.decode([(Piece(1, 0, as_tokens("x"), sample=True), PLATFORM, 0)])


def test_only_platform_text_is_copied(cells: OwnedCells) -> None:
    with pytest.raises(OwnershipViolated):
        cells.copy_platform(0, 1, len(SYSTEM) + 1)
    cells.copy_platform(0, 1, len(SYSTEM))
    assert cells.owners(1) == [(len(SYSTEM), PLATFORM)]


def test_a_copy_needs_an_empty_target(cells: OwnedCells) -> None:
    cells.copy_platform(0, 1, len(SYSTEM))
    with pytest.raises(OwnershipViolated):
        cells.copy_platform(0, 1, len(SYSTEM))


def test_once_trimmed_to_the_system_message_a_sequence_is_anyones(cells: OwnedCells) -> None:
    cells.trim(0, len(SYSTEM))
    assert cells.owners(0) == [(len(SYSTEM), PLATFORM)]
    cells.decode([(Piece(0, len(SYSTEM), as_tokens("x"), sample=False), "bob", len(SYSTEM))])


def test_a_sequence_of_another_length_is_refused(cells: OwnedCells) -> None:
    with pytest.raises(OwnershipViolated):
        cells.decode([(Piece(0, 3, as_tokens("x"), sample=False), "alice", 0)])
