"""Documents of collections: sent, followed, read, replaced and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import unquote
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.cursors import at_moment, at_number, cursor
from chatplatform.api.documentation import CHANGES, FINDS, answers, example
from chatplatform.api.editing import EditorAccess, require_editor, require_editor_of
from chatplatform.api.resources.files import TEXT_CHARS, UPLOAD, BlockOut, ProblemOut, TextPage
from chatplatform.api.resources.knowledge import COLLECTION
from chatplatform.api.schemas import Body, Moment, NextCursor, Page, Text
from chatplatform.common.errors import InvalidInput, NotFound
from chatplatform.documents.blocks import Block, placed
from chatplatform.files.names import safe_name
from chatplatform.files.upload import GO_ON, Upload, upload_of
from chatplatform.knowledge import content, document_acts, document_queries, queries, written
from chatplatform.knowledge import documents as services
from chatplatform.knowledge.document_queries import DocumentView
from chatplatform.knowledge.documents import Kept
from chatplatform.knowledge.written import Pair
from chatplatform.privacy.errors import ContentUnreadable
from chatplatform.web.downloads import as_file, streamed

router = Router(tags=["Knowledge"])
READ = Access(Permission.KNOWLEDGE_READ)
EDIT = EditorAccess()

DOCUMENT = "knowledge/documents/{uuid:document_id}"
StateWord = Literal["waiting", "reading", "indexing", "ready", "failed"]
PAIRS_AT_ONCE = 1_000


class DocumentOut(Schema):
    """A document. `state` goes from `waiting` over `reading` and `indexing` to `ready`, or to `failed`, for which
    `problem` says why; `progress` is from 0 to 1."""

    id: UUID
    collection_id: UUID
    source: str = Field(
        ..., description="`file`, `text` (pasted), `answers` (questions with answers) or `web`."
    )
    name: str
    title: str
    origin: str = Field(..., description="Where it came from: a path, an address, or nothing.")
    kind: str
    language: str
    size: int = Field(..., description="In bytes.")
    revision: int = Field(..., description="Grows with each new content.")
    state: StateWord
    progress: float
    problem: ProblemOut | None
    characters: int
    pages: int
    is_cut: bool = Field(..., description="There was more than is read of one document.")
    chunks: int = Field(..., description="Passages that can be found.")
    tokens: int
    created_at: Moment
    changed_at: Moment
    indexed_at: Moment | None


class DocumentList(Schema):
    items: list[DocumentOut]
    next: NextCursor


class DocumentsPage(Page):
    state: StateWord | None = None
    find: Text = Field("", max_length=100, description="A part of the name or title.")


class TextIn(Body):
    """A text, which may be Markdown."""

    title: Text = Field(..., max_length=1_000)
    text: Text = Field(..., max_length=written.TEXT_CHARS)


class PairIn(Body):
    question: Text = Field(..., max_length=written.PAIR_CHARS)
    answer: Text = Field(..., max_length=written.PAIR_CHARS)


class AnswersIn(Body):
    """Questions with their answers; each pair is one passage, found by both."""

    title: Text = Field(..., max_length=1_000)
    pairs: list[PairIn] = Field(..., max_length=PAIRS_AT_ONCE)


class PassageOut(Schema):
    """A passage as it is found. `context` is what it stands under and is searched with it; `start` and `end` are
    characters of the document's text, `page` counts from 1, 0 where there are none."""

    id: UUID
    number: int
    context: str
    text: str
    start: int
    end: int
    page: int
    tokens: int


class PassageList(Schema):
    items: list[PassageOut]
    next: NextCursor


class DocumentTextOut(Schema):
    """The text from character `start` on; `next` is where to go on, null at the end."""

    start: int
    blocks: list[BlockOut]
    next: int | None


@router.get(
    f"{COLLECTION}/documents",
    response=answers(DocumentList, errors=FINDS),
    auth=READ,
    summary="List documents",
)
def list_documents(request: ApiRequest, collection_id: UUID, page: Query[DocumentsPage]) -> dict[str, Any]:
    """Newest first."""
    found = document_queries.document_page(
        request.caller.id,
        collection_id,
        state=page.state or "",
        find=page.find.strip(),
        after=at_moment(page.after),
        limit=page.limit,
    )
    return {
        "items": [_out(view) for view in found.documents],
        "next": cursor(*found.next) if found.next else None,
    }


@router.post(
    f"{COLLECTION}/documents",
    response=answers(DocumentOut, status=201, also={200: DocumentOut}, errors=(404, 409, 413, 415)),
    auth=EDIT,
    summary="Send a document",
    openapi_extra=UPLOAD,
)
def add_document(request: ApiRequest, collection_id: UUID) -> Any:
    """The file itself is the body; its name, percent-encoded, is the header `X-File-Name`. It is encrypted while it
    arrives, then read and indexed in the background. Content that the collection has already is not taken twice: the
    answer is 200 with the document that has it."""
    require_editor(request, collection_id)
    queries.collection_view(request.caller.id, collection_id)
    upload = _upload(request)
    if upload.is_asking:
        services.require_room(collection_id, upload, actor=request.caller.actor)
        return HttpResponse(status=GO_ON)
    return _kept(
        request, services.add_file(collection_id, upload, _name(request), actor=request.caller.actor)
    )


@router.post(
    f"{COLLECTION}/texts",
    response=answers(DocumentOut, status=201, also={200: DocumentOut}, errors=CHANGES),
    auth=EDIT,
    summary="Add a text",
    openapi_extra=example({"title": "Opening hours", "text": "We are open from nine to five."}),
)
def add_text(request: ApiRequest, collection_id: UUID, body: TextIn) -> Any:
    require_editor(request, collection_id)
    return _kept(request, services.add_text(collection_id, body.title, body.text, actor=request.caller.actor))


@router.post(
    f"{COLLECTION}/answers",
    response=answers(DocumentOut, status=201, also={200: DocumentOut}, errors=CHANGES),
    auth=EDIT,
    summary="Add questions and answers",
    openapi_extra=example(
        {"title": "Returns", "pairs": [{"question": "Can I send it back?", "answer": "Within 30 days."}]}
    ),
)
def add_answers(request: ApiRequest, collection_id: UUID, body: AnswersIn) -> Any:
    require_editor(request, collection_id)
    pairs = [Pair(pair.question, pair.answer) for pair in body.pairs]
    return _kept(request, services.add_answers(collection_id, body.title, pairs, actor=request.caller.actor))


@router.get(DOCUMENT, response=answers(DocumentOut, errors=FINDS), auth=READ, summary="Get a document")
def get_document(request: ApiRequest, document_id: UUID) -> DocumentOut:
    """What it is and how far it is."""
    return _out(document_queries.document_view(request.caller.id, document_id))


@router.delete(
    DOCUMENT, response=answers(None, status=204, errors=CHANGES), auth=EDIT, summary="Delete a document"
)
def delete_document(request: ApiRequest, document_id: UUID) -> Status[None]:
    """With its file, its text, its passages and their vectors."""
    require_editor_of(request, document_id)
    document_queries.document_view(request.caller.id, document_id)
    document_acts.delete_documents([document_id], actor=request.caller.actor)
    return Status(204, None)


@router.post(
    f"{DOCUMENT}/content",
    response=answers(DocumentOut, errors=(404, 409, 413, 415)),
    auth=EDIT,
    summary="Replace a document's file",
    openapi_extra=UPLOAD,
)
def replace_document(request: ApiRequest, document_id: UUID) -> Any:
    """As a document is sent. The content that was there answers until the new one is ready; only passages that differ
    are embedded anew."""
    require_editor_of(request, document_id)
    document_queries.document_view(request.caller.id, document_id)
    upload = _upload(request)
    if upload.is_asking:
        services.require_room_for(document_id, upload, actor=request.caller.actor)
        return HttpResponse(status=GO_ON)
    services.replace_document(document_id, upload, _name(request), actor=request.caller.actor)
    return _out(document_queries.document_view(request.caller.id, document_id))


@router.get(
    f"{DOCUMENT}/content",
    response={**answers(None, errors=FINDS), 200: None},
    auth=READ,
    summary="Download a document",
    openapi_extra={"responses": {200: {"content": {"application/octet-stream": {}}}}},
)
def get_content(request: ApiRequest, document_id: UUID) -> StreamingHttpResponse:
    """The file as it came. Browsers only save it: nothing in it is shown or run."""
    _collection, document = document_queries.readable_document(request.caller.id, document_id)
    try:
        parts = content.file_parts(document)
        first = next(parts, b"")
    except (ContentUnreadable, OSError):
        raise NotFound("file_gone", _("The file's content is not here any more.")) from None
    document_acts.note_opened(document, "file", actor=request.caller.actor)
    name = safe_name(content.field_of(document, content.Field.NAME))

    def whole() -> Any:
        yield first
        yield from parts

    response = as_file(
        streamed(whole(), request.caller.id, request.caller.workspace_id, Permission.KNOWLEDGE_READ),
        name,
        "application/octet-stream",
    )
    response["Content-Length"] = str(document.size)
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@router.post(
    f"{DOCUMENT}/retry",
    response=answers(DocumentOut, errors=CHANGES),
    auth=EDIT,
    summary="Try a document again",
)
def retry_document(request: ApiRequest, document_id: UUID) -> DocumentOut:
    """Only one that failed or was stopped."""
    require_editor_of(request, document_id)
    document_acts.retry_document(document_id, actor=request.caller.actor)
    return _out(document_queries.document_view(request.caller.id, document_id))


@router.post(
    f"{DOCUMENT}/stop",
    response=answers(DocumentOut, errors=CHANGES),
    auth=EDIT,
    summary="Stop a document",
)
def stop_document(request: ApiRequest, document_id: UUID) -> DocumentOut:
    """It is made ready no further until it is tried again. For one that is ready nothing changes."""
    require_editor_of(request, document_id)
    document_acts.stop_documents([document_id], actor=request.caller.actor)
    return _out(document_queries.document_view(request.caller.id, document_id))


@router.get(
    f"{DOCUMENT}/passages", response=answers(PassageList, errors=FINDS), auth=READ, summary="List passages"
)
def list_passages(request: ApiRequest, document_id: UUID, page: Query[Page]) -> dict[str, Any]:
    """What questions find of it, in order."""
    after = at_number(page.after)
    found = document_queries.chunks_of(
        request.caller.id, document_id, after=-1 if after is None else after, limit=page.limit + 1
    )
    shown = found[: page.limit]
    return {
        "items": [PassageOut.model_validate(view, from_attributes=True) for view in shown],
        "next": cursor(shown[-1].number) if len(found) > len(shown) else None,
    }


@router.get(
    f"{DOCUMENT}/text",
    response=answers(DocumentTextOut, errors=FINDS),
    auth=READ,
    summary="Get the text of a document",
)
def get_text(request: ApiRequest, document_id: UUID, page: Query[TextPage]) -> dict[str, Any]:
    """What was read of it, with headings, tables and pages, about 100,000 characters at once."""
    read = document_queries.text_of(request.caller.id, document_id)
    document = document_queries.readable_document(request.caller.id, document_id)[1]
    document_acts.note_opened(document, "text", actor=request.caller.actor)
    blocks, following = _from(list(placed(read.blocks)), page.start)
    return {"start": page.start, "blocks": blocks, "next": following}


def _from(found: Sequence[tuple[int, Block]], start: int) -> tuple[list[BlockOut], int | None]:
    blocks: list[BlockOut] = []
    room = TEXT_CHARS
    for at, block in found:
        if at + len(block.text) <= start:
            continue
        begin = max(at, start)
        if room <= 0:
            return blocks, begin
        text = block.text[begin - at : begin - at + room]
        blocks.append(BlockOut(kind=block.kind, level=block.level, page=block.page, start=begin, text=text))
        room -= len(text)
        if begin + len(text) < at + len(block.text):
            return blocks, begin + len(text)
    return blocks, None


def _upload(request: ApiRequest) -> Upload:
    upload = upload_of(request)
    if upload is None:
        raise InvalidInput("file_empty", _("The file is empty."))
    return upload


def _name(request: ApiRequest) -> str:
    return unquote(request.headers.get("X-File-Name", "")[:2000])


def _kept(request: ApiRequest, kept: Kept) -> Status[DocumentOut]:
    view = document_queries.document_view(request.caller.id, kept.document_id)
    return Status(201 if kept.is_new else 200, _out(view))


def _out(view: DocumentView) -> DocumentOut:
    return DocumentOut(
        id=view.id,
        collection_id=view.collection_id,
        source=view.source,
        name=view.name,
        title=view.title,
        origin=view.origin,
        kind=view.kind,
        language=view.language,
        size=view.size,
        revision=view.revision,
        state=view.state,
        progress=view.progress,
        problem=ProblemOut(code=view.problem, message=view.message) if view.problem else None,
        characters=view.characters,
        pages=view.pages,
        is_cut=view.is_cut,
        chunks=view.chunks,
        tokens=view.tokens,
        created_at=view.created_at,
        changed_at=view.changed_at,
        indexed_at=view.indexed_at,
    )
