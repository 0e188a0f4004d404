"""The offline verifier: recomputes the whole log from its rows and compares it with what was signed.

It trusts the events' rows only as far as their leaves, the leaves only as far as the checkpoints, and the database's
checkpoints only as far as the witness file and the signing key. It writes nothing, and streams: memory does
not grow with the log.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection

from chatplatform.audit.audit_events import DETAILS_ERASED
from chatplatform.audit.checkpoints import stored_checkpoints
from chatplatform.audit.encoding import EVENT_COLUMNS, EventRow, details_digest, encode_event
from chatplatform.audit.errors import AuditDamaged
from chatplatform.audit.merkle import CHAIN_START, Frontier, chain_hash, leaf_hash
from chatplatform.audit.models import AuditEvent, Leaf, SequencerState
from chatplatform.audit.sequencer import pending_events
from chatplatform.audit.signing import existing_public_key, key_id, signature_holds, signed_bytes
from chatplatform.audit.triggers import trigger_problems
from chatplatform.audit.witness import Statement, read_witness, witness_path

_CHUNK: Final = 5000
_KEPT_FINDINGS: Final = 100


class Damage(StrEnum):
    CHANGED = "changed"
    DELETED = "deleted"
    INSERTED = "inserted"
    REORDERED = "reordered"
    ERASED = "erased without a record"
    TRUNCATED = "truncated"
    ROLLED_BACK = "rolled back"
    REWRITTEN = "rewritten"
    CHECKPOINT = "checkpoint"
    WITNESS = "witness"
    TRIGGER = "trigger"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, in a sentence that names rows and holds no content."""

    damage: Damage
    message: str


@dataclass(slots=True)
class Report:
    """What the verifier saw. `findings` holds the first hundred; `counts` counts them all."""

    events: int = 0
    pending: int = 0
    erased: int = 0
    checkpoints: int = 0
    witnessed: int = 0
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[Damage] = field(default_factory=Counter)

    @property
    def intact(self) -> bool:
        return not self.counts

    def add(self, damage: Damage, message: str) -> None:
        self.counts[damage] += 1
        if len(self.findings) < _KEPT_FINDINGS:
            self.findings.append(Finding(damage, message))


def verify(
    *,
    witness: Path | None = None,
    public_key: Ed25519PublicKey | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Check the whole log against the file `witness` (default: the configured one).

    Signatures are checked with `public_key` (default: this machine's). `progress(done, total)` is called every
    few thousand events. May run while the log is written: what comes during the run is left for the next.
    """
    report = Report()
    for name in trigger_problems(connection):
        report.add(Damage.TRIGGER, f"the trigger {name} is missing or changed: run `manage.py migrate`")
    # each of these holds at least what the one before it knows, since writers fill them the other way round
    witnessed = _read_witness(witness or witness_path(), report)
    stored = stored_checkpoints()
    state = SequencerState.objects.filter(id=1).first()
    size = state.size if state else 0
    expected_roots = _check_statements(witnessed, stored, size, public_key or existing_public_key(), report)

    walk = _Walk(report, expected_roots, size, progress)
    walk.run()
    _check_notes(state, walk, report)
    _check_tail(state, report)
    return report


def _read_witness(path: Path, report: Report) -> list[Statement]:
    try:
        statements = read_witness(path)
    except AuditDamaged as error:
        report.add(Damage.WITNESS, str(error))
        return []
    report.witnessed = len(statements)
    for older, newer in itertools.pairwise(statements):
        if newer.size <= older.size:
            report.add(Damage.WITNESS, f"the witness file goes back from {older.size} to {newer.size} events")
    return statements


def _check_statements(
    witnessed: list[Statement],
    stored: list[Statement],
    size: int,
    key: Ed25519PublicKey | None,
    report: Report,
) -> dict[int, list[tuple[str, bytes]]]:
    """Check signatures, sizes and that database and witness agree; the roots to be found, by tree size."""
    report.checkpoints = len(stored)
    roots: dict[int, list[tuple[str, bytes]]] = {}
    signed: set[Statement] = set()
    for place, damage, statements in (
        ("witness file", Damage.WITNESS, witnessed),
        ("database", Damage.CHECKPOINT, stored),
    ):
        for statement in statements:
            where = f"the checkpoint over {statement.size} events in the {place}"
            if key is None or statement.key_id != key_id(key):
                report.add(damage, f"{where} was signed with a key that is not here")
            elif statement not in signed and not signature_holds(
                key, statement.signature, signed_bytes(statement.size, statement.root, statement.at)
            ):
                report.add(damage, f"{where} has a false signature")
            else:
                signed.add(statement)  # database and witness hold the same ones: check each once
            if statement.size > size:
                report.add(
                    Damage.ROLLED_BACK,
                    f"{where} is longer than the log with its {size} events: "
                    "events were cut off, or an old copy was put in the log's place",
                )
            roots.setdefault(statement.size, []).append((place, statement.root))
    known = {(statement.size, statement.root) for statement in stored}
    for statement in witnessed:
        if (statement.size, statement.root) not in known:
            report.add(
                Damage.CHECKPOINT, f"the database lacks the witnessed checkpoint over {statement.size} events"
            )
    seen = {statement.size for statement in witnessed}
    last_seen = max(seen, default=0)
    for statement in stored:
        # a crash may keep the newest from the file, and the next checkpoint adds it
        if statement.size not in seen and (statement.size < last_seen or not witnessed):
            report.add(Damage.WITNESS, f"the witness file lacks the checkpoint over {statement.size} events")
    if not stored and not witnessed and existing_public_key() is not None:
        report.add(Damage.WITNESS, "checkpoints were signed here once, and none is left")
    return roots


class _Walk:
    """One pass over leaves and their events, in the order of the tree."""

    def __init__(
        self,
        report: Report,
        expected_roots: dict[int, list[tuple[str, bytes]]],
        size: int,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.report = report
        self.frontier = Frontier()
        self.chain = CHAIN_START
        self._roots = expected_roots
        self._size = size
        self._progress = progress
        self._erasures = _Erasures()

    def run(self) -> None:
        for index, hashed, chained, event in _stored_leaves(self._size):
            while self.frontier.size < index:
                self._missing_leaf(hashed)
            if event is None:
                self.report.add(Damage.DELETED, f"the event of leaf {index} was deleted")
                computed = hashed
            else:
                computed = leaf_hash(encode_event(*event.row))
                self._check_event(index, event, as_sequenced=computed == hashed)
            if chain_hash(self.chain, hashed) != chained:
                self.report.add(Damage.REORDERED, f"leaf {index} does not follow the leaf before it")
            self.chain = chained
            self._grow(computed)
        self.report.events = self.frontier.size
        self._tell()

    def _check_event(self, index: int, event: _StoredEvent, *, as_sequenced: bool) -> None:
        row = event.row
        if not as_sequenced:
            self.report.add(Damage.CHANGED, f"event {row.id} (leaf {index}) was changed")
        if event.salt is None:
            self.report.erased += 1
            if not self._erasures.cover(row) or event.ip or event.details:
                self.report.add(Damage.ERASED, f"the details of event {row.id} were erased without a record")
        elif details_digest(bytes(event.salt), event.ip, event.details) != bytes(row.digest):
            self.report.add(Damage.CHANGED, f"the details of event {row.id} (leaf {index}) were changed")

    def _missing_leaf(self, stand_in: bytes) -> None:
        self.report.add(Damage.DELETED, f"leaf {self.frontier.size} was deleted")
        self._grow(stand_in)

    def _grow(self, hashed: bytes) -> None:
        self.frontier.append(hashed)
        if expected := self._roots.get(self.frontier.size):
            root = self.frontier.root()
            for place, wanted in expected:
                if wanted != root:
                    self.report.add(
                        Damage.REWRITTEN,
                        f"the first {self.frontier.size} events are not those that the checkpoint in the "
                        f"{place} was made over",
                    )
        if not self.frontier.size % _CHUNK:
            self._tell()

    def _tell(self) -> None:
        if self._progress:
            self._progress(self.frontier.size, self._size)


class _Erasures:
    """Which empty details an erasure on record accounts for: all of a person's, before the erasure."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def cover(self, event: EventRow) -> bool:
        if self._covered(event):
            return True
        # an erasure may have been recorded after the walk began
        rows = AuditEvent.objects.filter(code=DETAILS_ERASED.code, target_kind="person", outcome="ok")
        self._last = dict(rows.order_by("id").values_list("target_id", "id"))
        return self._covered(event)

    def _covered(self, event: EventRow) -> bool:
        people = [event.actor_id] if event.actor_kind == "person" else []
        if event.target_kind == "person":
            people.append(event.target_id)
        return any(event.id < self._last.get(person, 0) for person in people)


class _StoredEvent(NamedTuple):
    row: EventRow
    salt: bytes | None
    ip: str
    details: str


def _stored_leaves(size: int) -> Iterator[tuple[int, bytes, bytes, _StoredEvent | None]]:
    """Index, leaf hash, chain hash and event (None when it is gone) of the leaves below `size`, in order.

    Two queries for each few thousand leaves, since a join would hide leaves without an event.
    """
    after = -1
    while True:
        leaves = list(
            Leaf.objects.filter(index__gt=after, index__lt=size)
            .order_by("index")
            .values_list("index", "event_id", "leaf_hash", "chain_hash")[:_CHUNK]
        )
        if not leaves:
            return
        events = {
            row[0]: _StoredEvent(EventRow._make(row[:-3]), *row[-3:])
            for row in AuditEvent.objects.filter(id__in=[leaf[1] for leaf in leaves]).values_list(
                *EVENT_COLUMNS, "salt", "ip", "details"
            )
        }
        for index, event_id, hashed, chained in leaves:
            yield index, bytes(hashed), bytes(chained), events.get(event_id)
        after = leaves[-1][0]


def _check_notes(state: SequencerState | None, walk: _Walk, report: Report) -> None:
    """Compare the tree with the sequencer's notes of it."""
    size = state.size if state else 0
    if report.events < size:
        report.add(Damage.TRUNCATED, f"the log ends after {report.events} events and should hold {size}")
    elif state and (bytes(state.chain_hash), bytes(state.frontier)) != (walk.chain, walk.frontier.pack()):
        report.add(Damage.REWRITTEN, "the log does not end in the state that the sequencer left it in")
    newest = SequencerState.objects.values_list("size", flat=True).first() or 0
    beyond = Leaf.objects.filter(index__gte=newest).count()
    if beyond:
        report.add(Damage.INSERTED, f"{beyond} leaves stand beyond the end of the log")


def _check_tail(state: SequencerState | None, report: Report) -> None:
    """Look at events that have no leaf: those that still await one, and those that can never have been there."""
    settled = state.settled_through if state else 0
    report.pending = pending_events(settled).count()
    inserted = AuditEvent.objects.filter(id__lte=settled, leaf__isnull=True).order_by("id")
    for event_id in inserted.values_list("id", flat=True).iterator(chunk_size=_CHUNK):
        report.add(Damage.INSERTED, f"event {event_id} was inserted: the log had passed its place without it")
    if connection.vendor == "sqlite":
        # ids are drawn without gaps here, and the counter remembers the last
        with connection.cursor() as cursor:
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = 'audit_event'")
            drawn = next(iter(cursor.fetchall()), (0,))[0]
        last = AuditEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0
        if last < drawn:
            report.add(Damage.TRUNCATED, f"the newest event is {last}, but {drawn} were recorded")
