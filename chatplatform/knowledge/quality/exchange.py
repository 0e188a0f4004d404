"""Golden questions as CSV and as JSON lines, out and in again, here or in another installation.

A document is named by its id where that is one of the collection's, else by its title, its file's name or where it
came from.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.errors import InvalidInput, PlatformError
from chatplatform.knowledge import rights
from chatplatform.knowledge.content import Field, field_of
from chatplatform.knowledge.models import Document
from chatplatform.knowledge.quality import audit_events as events
from chatplatform.knowledge.quality.content import passage_of, question_of, title_of
from chatplatform.knowledge.quality.models import GoldenPlace, GoldenQuestion
from chatplatform.knowledge.quality.services import Golden, put_question
from chatplatform.text_search.folding import folded

Form = Literal["csv", "jsonl"]
COLUMNS: Final = ("question", "document", "document_id", "passage", "unanswerable")
MOST_BYTES: Final = 4 * 2**20
MOST_TOLD: Final = 100
# a spreadsheet takes a cell that begins so for a formula
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_YES: Final = {"1", "true", "yes", "y", "x", "是"}


@dataclass(frozen=True, slots=True)
class Imported:
    """How many questions were added, changed and the same; of those refused the first hundred: place in the file, from
    1, and why."""

    added: int
    changed: int
    unchanged: int
    refused: int
    problems: tuple[tuple[int, str], ...]


def export_questions(collection_id: UUID, form: Form, *, actor: Actor) -> str:
    """All of them, the oldest first; that they were is recorded. Raises NotFound, NotAllowed."""
    collection = rights.require_edit(actor, collection_id)
    rows = list(_lines(collection_id))
    with transaction.atomic():
        record(
            events.QUESTIONS_EXPORTED,
            actor=actor,
            workspace_id=collection.workspace_id,
            target=Target("collection", str(collection_id)),
            details={"questions": len(rows)},
        )
    if form == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    out = io.StringIO()
    out.write("\ufeff")  # spreadsheets need it to take this for UTF-8
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_guarded(_cell(row[name])) for name in COLUMNS])
    return out.getvalue()


def import_questions(collection_id: UUID, data: bytes, *, actor: Actor) -> Imported:
    """Each line for itself; one that is there already is changed to what the line says.

    Raises NotFound, NotAllowed, and InvalidInput for what is no such file.
    """
    rights.require_edit(actor, collection_id)
    documents = _Documents(collection_id)
    counted = {"added": 0, "changed": 0, "unchanged": 0}
    problems: list[tuple[int, str]] = []
    for number, row in enumerate(_read(data), start=1):
        try:
            golden = _golden(row, documents)
            counted[put_question(collection_id, golden, actor=actor)] += 1
        except PlatformError as error:
            problems.append((number, str(error.message)))
    return Imported(**counted, refused=len(problems), problems=tuple(problems[:MOST_TOLD]))


def _lines(collection_id: UUID) -> Iterator[dict[str, str | bool]]:
    rows = GoldenQuestion.objects.filter(collection_id=collection_id).order_by("created_at", "id")
    places = {
        place.question_id: place
        for place in GoldenPlace.objects.filter(question__collection_id=collection_id).select_related(
            "document"
        )
    }
    for row in rows:
        place = places.get(row.id)
        yield {
            "question": question_of(row),
            "document": title_of(place.document) if place else "",
            "document_id": str(place.document_id) if place else "",
            "passage": passage_of(place) if place else "",
            "unanswerable": row.is_unanswerable,
        }


class _Documents:
    """The collection's documents by what people call them."""

    def __init__(self, collection_id: UUID) -> None:
        self._ids: set[UUID] = set()
        self._named: dict[str, set[UUID]] = {}
        for row in Document.objects.filter(collection_id=collection_id).iterator(chunk_size=500):
            self._ids.add(row.id)
            for name in Field:
                if words := folded(field_of(row, name)):
                    self._named.setdefault(words, set()).add(row.id)

    def find(self, id: str, name: str) -> UUID:
        """Raises InvalidInput where none is meant, or several."""
        try:
            if UUID(id) in self._ids:
                return UUID(id)
        except ValueError:
            pass
        found = self._named.get(folded(name), set())
        if len(found) > 1:
            raise InvalidInput(
                "golden_document_ambiguous", _("Several documents are called this. Give the document's id.")
            )
        if not found:
            raise InvalidInput("golden_document_missing", _("There is no such document in this collection."))
        return next(iter(found))


def _golden(row: Mapping[str, object], documents: _Documents) -> Golden:
    said = {name: _cell(row.get(name)).replace("\x00", "").strip() for name in COLUMNS}
    if said["unanswerable"].lower() in _YES:
        return Golden(said["question"], is_unanswerable=True)
    document_id = documents.find(said["document_id"], said["document"])
    return Golden(said["question"], document_id, said["passage"])


def _read(data: bytes) -> Iterator[Mapping[str, object]]:
    if len(data) > MOST_BYTES:
        raise InvalidInput(
            "golden_file_too_large", _("The file has at most %(n)d MB.") % {"n": MOST_BYTES // 2**20}
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("golden_file_unreadable", _("The file is not a text in UTF-8.")) from None
    return _read_lines(text) if text.lstrip().startswith("{") else _read_table(text)


def _read_lines(text: str) -> Iterator[Mapping[str, object]]:
    # by \n alone: JSON may hold other ends of lines as they are
    for line in filter(str.strip, text.split("\n")):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        yield row if isinstance(row, dict) else {}


def _read_table(text: str) -> Iterator[Mapping[str, object]]:
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""))
        if "question" not in (reader.fieldnames or ()):
            raise InvalidInput(
                "golden_file_unreadable",
                _("The file has no column called question. The first line names the columns: %(columns)s.")
                % {"columns": ", ".join(COLUMNS)},
            )
        for row in reader:
            yield {name: _unguarded(value) for name, value in row.items() if isinstance(value, str)}
    except csv.Error:
        raise InvalidInput("golden_file_unreadable", _("The file is no table of CSV.")) from None


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else ""
    return value if isinstance(value, str) else ""


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _unguarded(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text
