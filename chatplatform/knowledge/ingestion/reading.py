"""One document's file into text: in a confined process, kept sealed, with the title and the language that it tells."""

from __future__ import annotations

import json
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.documents.blocks import Block
from chatplatform.documents.blocks import Document as ReadDocument
from chatplatform.documents.kinds import Kind, ending_of
from chatplatform.documents.problems import Problem
from chatplatform.documents.reading import DocumentUnreadable, Limits, read_document
from chatplatform.files.read_attempt import attempt
from chatplatform.jobs.registry import RunningJob
from chatplatform.knowledge import audit_events as events
from chatplatform.knowledge import content, work
from chatplatform.knowledge.content import Field
from chatplatform.knowledge.models import Collection, Document
from chatplatform.knowledge.ranking.query_kind import reading_of

ATTEMPTS: Final = 3
LIMITS: Final = Limits()
MOST_TITLE: Final = 160
# enough to tell a language by its script
LANGUAGE_CHARS: Final = 4_000


def read(job: RunningJob) -> None:
    """Turn the document's present content into text. It may run again after a crash: only the last writes count."""
    document = Document.objects.filter(id=UUID(job.args["document_id"])).first()
    if document is None or document.state not in {Document.State.WAITING, Document.State.READING}:
        return
    here = Document.objects.filter(id=document.id, revision=document.revision)
    here.filter(state=Document.State.WAITING).update(state=Document.State.READING)
    job.progress(0.05, _("Reading"))
    found, problem, text_key = attempt(
        job,
        document.id,
        attempts=ATTEMPTS,
        read=lambda: _read(document, job),
        keep_text=lambda found: content.write_text(document, found),
    )
    with job.finishing():
        _keep(document, found, problem, text_key, job.actor)


def _read(document: Document, job: RunningJob) -> ReadDocument:
    if document.source == Document.Kind.ANSWERS:
        return _of_answers(document)

    def tell(page: int) -> None:
        job.progress(0.1, _("Reading"))
        Document.objects.filter(id=document.id).update(pages=page)

    name = content.field_of(document, Field.NAME)
    ending = "md" if document.source == Document.Kind.TEXT else ending_of(name)
    found = read_document(content.file_parts(document), ending=ending, limits=LIMITS, on_tick=tell)
    if not found.text.strip():
        raise DocumentUnreadable(Problem.NO_TEXT)
    return found


def _of_answers(document: Document) -> ReadDocument:
    """Questions are headings, so that whoever reads the text sees them as such."""
    pairs = json.loads(b"".join(content.file_parts(document)))
    blocks = []
    for question, answer in pairs:
        blocks += [Block(question, "heading", 2), Block(answer)]
    return ReadDocument(Kind.MARKDOWN, tuple(blocks))


def _keep(
    document: Document, found: ReadDocument | None, problem: str, text_key: bytes, actor: Actor
) -> None:
    # in the order of whoever replaces a document
    Collection.objects.select_for_update().filter(id=document.collection_id).first()
    row = Document.objects.select_for_update().filter(id=document.id).first()
    if row is None or row.file_id != document.file_id:
        content.path_of(document.file_id, content.Of.TEXT).unlink(missing_ok=True)
        return  # it was deleted meanwhile, or has another content
    if row.state not in {Document.State.WAITING, Document.State.READING}:
        return  # it was stopped
    row.state = Document.State.FAILED if found is None else Document.State.READ
    row.problem, row.text_key = problem, text_key
    row.pages = row.characters = 0
    if found is not None:
        row.kind, row.pages, row.is_cut = found.kind, found.pages, found.is_cut
        row.characters = len(found.text)
        row.language = reading_of(found.text[:LANGUAGE_CHARS]).language
        title = title_of(found) if row.source in {Document.Kind.FILE, Document.Kind.WEB} else ""
        row.title = content.sealed_field(row.workspace_id, row.id, Field.TITLE, title)
    row.save()
    record(
        events.DOCUMENT_READ,
        actor=actor,
        workspace_id=row.workspace_id,
        target=Target("document", str(row.id)),
        outcome="failed" if problem else "ok",
        details={
            "kind": row.kind,
            "problem": problem,
            "characters": row.characters,
            "pages": row.pages,
            "is_cut": row.is_cut,
        },
    )
    if found is not None:
        work.enter(row, actor)


def title_of(found: ReadDocument) -> str:
    """What the document calls itself: its first heading, if it begins with one; empty where it does not."""
    for block in found.blocks[:3]:
        if block.kind == "heading" and block.level <= 1:
            return " ".join(block.text.split())[:MOST_TITLE]
    return ""
