"""Chunks into an index: vectors first, under ids that are the same each time, then everything else in one transaction.

A process that dies in between leaves vectors that no row names: the next run finds them by their ids and does not
compute them again; what is never asked for again is taken out by a chore.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.db.models import F

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.knowledge import audit_events as events
from chatplatform.knowledge import removal
from chatplatform.knowledge.chunk_text import sealed_chunk
from chatplatform.knowledge.index.services import PreparedTerms, prepare_terms, write_terms
from chatplatform.knowledge.ingestion.embedding import Vectors, patiently
from chatplatform.knowledge.ingestion.planning import Draft, Plan
from chatplatform.knowledge.ingestion.windows import Window
from chatplatform.knowledge.models import Chunk, Document, Index, IndexEntry
from chatplatform.knowledge.ranking.terms import terms
from chatplatform.vector_store import BlockingVectorStore

UPDATED_AT_ONCE = 500


@dataclass(slots=True)
class Known:
    """Vectors that need not be computed: by the id that they are for. `to_embed` are the names that are left, each
    with one draft that says it."""

    vectors: dict[UUID, list[float]] = field(default_factory=dict)
    to_embed: dict[str, Draft] = field(default_factory=dict)


def is_wanted(index: Index) -> bool:
    """Whether an index is still there, of a collection that is, and not replaced."""
    rows = Index.objects.filter(id=index.id, collection__deleted_at=None)
    return rows.exclude(state=Index.State.OLD).exists()


class Writer:
    """Writes windows into one index."""

    def __init__(
        self, index: Index, store: BlockingVectorStore, actor: Actor, tick: Callable[[], None]
    ) -> None:
        self._index = index
        self._store = store
        self._actor = actor
        self._tick = tick
        self._is_ensured = False

    def known(self, window: Window) -> Known:
        """What of a window is in the store already: after a crash, or because another document says the same."""
        drafts = [draft for _plan, draft in window.drafts]
        sources = self._same_words(drafts)
        found: dict[UUID, list[float]] = {}

        def ask() -> None:
            found.update(self._store.get(self._index.vectors_name, [draft.id for draft in drafts]))
            found.update(self._store.get(self._index.vectors_name, list(sources.values())))

        patiently(ask, self._tick)
        known = Known()
        for draft in drafts:
            vector = found.get(draft.id) or found.get(sources.get(draft.name, draft.id))
            if vector is None:
                known.to_embed.setdefault(draft.name, draft)
            else:
                known.vectors[draft.id] = vector
        return known

    def _same_words(self, drafts: Sequence[Draft]) -> dict[str, UUID]:
        rows = Chunk.objects.filter(index=self._index, name__in={draft.name for draft in drafts})
        return dict(rows.values_list("name", "id"))

    def write(self, window: Window, known: Known, made: Vectors | None) -> None:
        """Raises what the store and the database raise; then nothing of the window is in the rows."""
        fresh = dict(zip(known.to_embed, made.vectors, strict=True)) if made is not None else {}
        vectors = dict(known.vectors)
        for _plan, draft in window.drafts:
            if draft.id not in vectors:
                vectors[draft.id] = fresh[draft.name]
        if vectors:
            self._upsert(vectors)
        ready: list[tuple[Plan, Draft]] = []
        for plan, draft in window.drafts:
            if plan.is_first:
                ready.append((plan, draft))
            else:
                plan.held.append(draft)  # the old text answers until the new one is whole
        for plan in window.complete:
            ready += [(plan, draft) for draft in plan.held]
        self._commit(window, ready, self._prepared(ready), made)

    def _upsert(self, vectors: Mapping[UUID, list[float]]) -> None:
        name, ids = self._index.vectors_name, list(vectors)

        def act() -> None:
            if not self._is_ensured:
                self._store.ensure(name, len(vectors[ids[0]]))
                self._is_ensured = True
            try:
                self._store.upsert(name, ids, [vectors[each] for each in ids])
            except Exception:
                self._is_ensured = False
                raise

        patiently(act, self._tick)

    def _prepared(self, ready: Sequence[tuple[Plan, Draft]]) -> tuple[list[Chunk], PreparedTerms]:
        """What takes time, before the transaction."""
        rows, said = [], []
        for plan, draft in ready:
            words = f"{plan.title}\n{draft.said.embedded}"
            rows.append(self._row(plan, draft))
            said.append((draft.id, words))
        return rows, prepare_terms(self._index, said)

    def _row(self, plan: Plan, draft: Draft) -> Chunk:
        workspace_id = self._index.workspace_id
        return Chunk(
            id=draft.id,
            workspace_id=workspace_id,
            index=self._index,
            document=plan.document,
            number=draft.number,
            name=draft.name,
            start=draft.start,
            end=draft.end,
            parent_start=draft.parent_start,
            parent_end=draft.parent_end,
            page=draft.page,
            tokens=draft.tokens,
            terms=sum(1 for _ in terms(draft.said.embedded)),
            content=sealed_chunk(workspace_id, draft.id, draft.said),
        )

    def _commit(
        self,
        window: Window,
        ready: Sequence[tuple[Plan, Draft]],
        prepared: tuple[list[Chunk], PreparedTerms],
        made: Vectors | None,
    ) -> None:
        rows, terms_of_rows = prepared
        with transaction.atomic():
            alive = {plan.entry.pk for plan in window.plans if self._is_wanted(plan)}
            if len(alive) < len(window.plans):
                self._drop(window, alive)
                rows = [
                    row for row, (plan, _draft) in zip(rows, ready, strict=True) if plan.entry.pk in alive
                ]
                kept = {row.id for row in rows}
                said = [
                    (draft.id, f"{plan.title}\n{draft.said.embedded}")
                    for plan, draft in ready
                    if draft.id in kept
                ]
                terms_of_rows = prepare_terms(self._index, said)
            Chunk.objects.bulk_create(rows, batch_size=UPDATED_AT_ONCE)
            write_terms(self._index, terms_of_rows)
            for plan in window.plans:
                if plan.entry.pk in alive:
                    self._advance(plan, sum(row.document_id == plan.document.id for row in rows))
            for plan in window.complete:
                if plan.entry.pk in alive:
                    self._finish(plan)
            if made is not None:
                Index.objects.filter(id=self._index.id).update(
                    measured_tokens=F("measured_tokens") + made.tokens,
                    measured_s=F("measured_s") + made.seconds,
                )

    def _is_wanted(self, plan: Plan) -> bool:
        """Whether document and entry are what they were when this was planned; locks the document."""
        entry = IndexEntry.objects.filter(pk=plan.entry.pk, state=IndexEntry.State.WAITING)
        return self._is_same(plan) and entry.exists()

    def _is_same(self, plan: Plan) -> bool:
        document = Document.objects.select_for_update().filter(
            id=plan.document.id, revision=plan.document.revision, state=Document.State.READ
        )
        return document.values_list("id").first() is not None

    def _drop(self, window: Window, alive: set[int]) -> None:
        """Vectors of documents that went away or changed meanwhile. One that was stopped asks for them again."""
        gone = {
            plan.entry.pk for plan in window.plans if plan.entry.pk not in alive and not self._is_same(plan)
        }
        if not is_wanted(self._index):
            removal.remove_vectors(self._index, None, self._actor)  # writing has made its name anew
            return
        drafts = [draft.id for plan, draft in window.drafts if plan.entry.pk in gone]
        held = [draft.id for plan in window.complete if plan.entry.pk in gone for draft in plan.held]
        if drafts or held:
            removal.remove_vectors(self._index, [*dict.fromkeys([*drafts, *held])], self._actor)

    def _advance(self, plan: Plan, rows: int) -> None:
        # what comes forward is not what ends the process
        changes: dict[str, object] = {
            "chunks": plan.chunks,
            "done": F("done") + rows,
            "problem": "",
            "attempts": 0,
        }
        if plan.is_first:
            # chunks of this text are there from now on
            changes |= {"text_id": plan.document.file_id, "text_key": plan.document.text_key}
        IndexEntry.objects.filter(pk=plan.entry.pk).update(**changes)

    def _finish(self, plan: Plan) -> None:
        if plan.gone:
            removal.remove_chunks(self._index, plan.gone, self._actor)
        self._move(plan.kept)
        before = plan.entry.text_id
        IndexEntry.objects.filter(pk=plan.entry.pk).update(
            state=IndexEntry.State.DONE,
            revision=plan.document.revision,
            text_id=plan.document.file_id,
            text_key=plan.document.text_key,
            chunks=plan.chunks,
            done=plan.chunks,
            tokens=plan.tokens,
            attempts=0,
            problem="",
            indexed_at=now(),
        )
        if before is not None and before != plan.document.file_id:
            removal.forget_file(before)
        record(
            events.DOCUMENT_INDEXED,
            actor=self._actor,
            workspace_id=self._index.workspace_id,
            target=Target("document", str(plan.document.id)),
            details={
                "index_id": str(self._index.id),
                "revision": plan.document.revision,
                "chunks": plan.chunks,
                "problem": "",
            },
        )

    def _move(self, kept: Sequence[Draft]) -> None:
        """The same words stand elsewhere in the new text."""
        places = ("number", "start", "end", "parent_start", "parent_end", "page")
        rows = {
            row.id: row for row in Chunk.objects.filter(id__in=[draft.id for draft in kept]).defer("content")
        }
        moved = []
        for draft in kept:
            row = rows.get(draft.id)
            if row is not None and any(getattr(row, place) != getattr(draft, place) for place in places):
                for place in places:
                    setattr(row, place, getattr(draft, place))
                moved.append(row)
        Chunk.objects.bulk_update(moved, places, batch_size=UPDATED_AT_ONCE)
