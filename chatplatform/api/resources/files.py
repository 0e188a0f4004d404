"""Files: uploaded on their own, then attached to a message by their ids."""

from __future__ import annotations

from itertools import chain
from typing import Any, Literal, cast
from urllib.parse import unquote
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.cursors import at_moment, cursor
from chatplatform.api.documentation import CHANGES, FINDS, answers, example
from chatplatform.api.resources.turns import AttachmentOut
from chatplatform.api.schemas import Body, Moment, NextCursor, Page
from chatplatform.chat.attachments import links
from chatplatform.chat.attachments.views import attachment_view
from chatplatform.chat.protocol import AttachmentView
from chatplatform.common.errors import InvalidInput, NotFound
from chatplatform.documents.blocks import placed
from chatplatform.documents.passages import passages
from chatplatform.files import content, queries, services
from chatplatform.files.models import StoredFile
from chatplatform.files.names import safe_name
from chatplatform.files.queries import FileDetails, file_details
from chatplatform.files.upload import GO_ON, upload_of
from chatplatform.privacy.errors import ContentUnreadable
from chatplatform.web.downloads import as_file, streamed

router = Router(tags=["Files"])
ACCESS = Access(Permission.CHAT)

TEXT_CHARS = 100_000
Use = Literal["auto", "whole", "passages"]


class FileOut(Schema):
    """A file of yours. `state` is `reading` until its text is known; `failed` says in `problem` why it is not. `use` is
    how questions get it: the whole text, passages of it, or (`auto`) what fits."""

    id: UUID
    name: str
    kind: str
    size: int = Field(..., description="In bytes.")
    state: Literal["reading", "ready", "failed"]
    problem: ProblemOut | None
    use: Use
    characters: int = Field(..., description="Length of its text.")
    pages: int = Field(..., description="Pages, slides, sheets or chapters; 0 where there are none.")
    is_cut: bool = Field(..., description="There was more than is read of one file.")
    is_sent: bool = Field(..., description="It belongs to a message. What is not sent goes after a day.")
    created_at: Moment


class ProblemOut(Schema):
    code: str
    message: str


class FileList(Schema):
    items: list[FileOut]
    next: NextCursor


class FilePage(Page):
    unsent: bool = Field(False, description="Only files that belong to no message yet.")


class NewUse(Body):
    use: Use


class BlockOut(Schema):
    """A heading, a paragraph, a table. `page` counts from 1; 0 where there are none."""

    kind: Literal["heading", "text", "list", "table", "code"]
    level: int
    page: int
    start: int
    text: str


class TextOut(Schema):
    """The text from character `start` on; `next` is where to go on, null at the end."""

    start: int
    blocks: list[BlockOut]
    passages: int = Field(..., description="In how many passages questions look for what they are about.")
    next: int | None


class TextPage(Schema):
    start: int = Field(0, ge=0, le=2**31, description="Where to begin, in characters.")


UPLOAD = {
    "parameters": [
        {
            "in": "header",
            "name": "X-File-Name",
            "description": "The file's name, percent-encoded UTF-8.",
            "schema": {"type": "string", "maxLength": 2000},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
}


@router.post(
    "files",
    response=answers(FileOut, status=201, errors=(409, 413, 415)),
    auth=ACCESS,
    summary="Upload a file",
    openapi_extra=UPLOAD,
)
def upload_file(request: ApiRequest) -> Any:
    """The file itself is the body; its name, percent-encoded, is the header `X-File-Name`. It is encrypted while it
    arrives, then read in the background: ask for the file until its `state` is not `reading` any more, or send it at
    once with a message, whose answer waits for it."""
    upload = upload_of(request)
    if upload is None:
        raise InvalidInput("file_empty", _("The file is empty."))
    if upload.is_asking:
        services.require_room(upload, actor=request.caller.actor)
        return HttpResponse(status=GO_ON)
    file = services.keep_upload(
        upload, unquote(request.headers.get("X-File-Name", "")[:2000]), actor=request.caller.actor
    )
    return Status(201, _out(file_details(file)))


@router.get("files", response=answers(FileList), auth=ACCESS, summary="List files")
def list_files(request: ApiRequest, page: Query[FilePage]) -> dict[str, Any]:
    """Your files, newest first."""
    found = queries.files_after(
        request.caller.id, at_moment(page.after), limit=page.limit + 1, unsent=page.unsent
    )
    shown = found[: page.limit]
    more = cursor(shown[-1].created_at, shown[-1].id) if len(found) > len(shown) else None
    return {"items": [_out(row) for row in shown], "next": more}


@router.get(
    "files/{uuid:file_id}", response=answers(FileOut, errors=FINDS), auth=ACCESS, summary="Get a file"
)
def get_file(request: ApiRequest, file_id: UUID) -> FileOut:
    """What it is and how far it is; its content and its text have addresses of their own."""
    return _out(file_details(services.own_file(file_id, request.caller.id)))


@router.patch(
    "files/{uuid:file_id}",
    response=answers(FileOut, errors=CHANGES),
    auth=ACCESS,
    summary="Choose how a file is used",
    openapi_extra=example({"use": "passages"}),
)
def change_file(request: ApiRequest, file_id: UUID, body: NewUse) -> FileOut:
    """Holds for messages that it is sent with from now on."""
    return _out(file_details(services.set_use(file_id, body.use, actor=request.caller.actor)))


@router.delete(
    "files/{uuid:file_id}",
    response=answers(None, status=204, errors=CHANGES),
    auth=ACCESS,
    summary="Delete a file",
)
def delete_file(request: ApiRequest, file_id: UUID) -> Status[None]:
    """Only one that was not sent: others go with their conversation."""
    services.delete_unsent(file_id, actor=request.caller.actor)
    return Status(204, None)


@router.get(
    "files/{uuid:file_id}/text",
    response=answers(TextOut, errors=CHANGES),
    auth=ACCESS,
    summary="Get the text of a file",
)
def get_text(request: ApiRequest, file_id: UUID, page: Query[TextPage]) -> dict[str, Any]:
    """What was read of it, with headings, tables and pages, about 100,000 characters at once."""
    file = services.own_file(file_id, request.caller.id)
    if file.state != StoredFile.State.READY:
        raise NotFound("file_has_no_text", _("There is no text of this file, or not yet."))
    try:
        document = content.document_of(file)
    except (ContentUnreadable, OSError):
        raise NotFound("file_gone", _("The file's content is not here any more.")) from None
    services.note_opened(file, "text", actor=request.caller.actor)
    blocks: list[BlockOut] = []
    room, following = TEXT_CHARS, None
    for start, block in placed(document.blocks):
        end = start + len(block.text)
        if end <= page.start:
            continue
        begin = max(start, page.start)
        if room <= 0:
            following = begin
            break
        text = block.text[begin - start : begin - start + room]
        blocks.append(BlockOut(kind=block.kind, level=block.level, page=block.page, start=begin, text=text))
        room -= len(text)
        if begin + len(text) < end:
            following = begin + len(text)
            break
    return {"start": page.start, "blocks": blocks, "passages": len(passages(document)), "next": following}


@router.get(
    "files/{uuid:file_id}/content",
    response={**answers(None, errors=FINDS), 200: None},
    auth=ACCESS,
    summary="Download a file",
    openapi_extra={"responses": {200: {"content": {"application/octet-stream": {}}}}},
)
def get_content(request: ApiRequest, file_id: UUID) -> StreamingHttpResponse:
    """The file as it came. Browsers only save it: nothing in it is shown or run."""
    file = services.own_file(file_id, request.caller.id)
    try:
        parts = content.file_parts(file)
        first = next(parts, b"")
    except (ContentUnreadable, OSError):
        raise NotFound("file_gone", _("The file's content is not here any more.")) from None
    services.note_opened(file, "content", actor=request.caller.actor)
    whole = streamed(chain((first,), parts), request.caller.id, request.caller.workspace_id)
    response = as_file(whole, safe_name(content.name_of(file)), "application/octet-stream")
    response["Content-Length"] = str(file.size)
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@router.get(
    "attachments/{uuid:attachment_id}",
    response=answers(AttachmentOut, errors=FINDS),
    auth=ACCESS,
    summary="Get a file of a message",
)
def get_attachment(request: ApiRequest, attachment_id: UUID) -> AttachmentView:
    """How the model got it for this message."""
    return _attachment(request, attachment_id)


@router.patch(
    "attachments/{uuid:attachment_id}",
    response=answers(AttachmentOut, errors=CHANGES),
    auth=ACCESS,
    summary="Choose how a file of a message is used",
    openapi_extra=example({"use": "whole"}),
)
def change_attachment(request: ApiRequest, attachment_id: UUID, body: NewUse) -> AttachmentView:
    """Holds when the message is answered again."""
    links.choose_use(attachment_id, body.use, actor=request.caller.actor)
    return _attachment(request, attachment_id)


def _attachment(request: ApiRequest, attachment_id: UUID) -> AttachmentView:
    view = attachment_view(request.caller.id, attachment_id)
    if view is None:
        raise NotFound("file_not_found", _("This file does not exist, or it is not yours."))
    return view


def _out(file: FileDetails) -> FileOut:
    return FileOut(
        id=file.id,
        name=file.name,
        kind=file.kind,
        size=file.size,
        state=cast(Any, file.state),
        problem=ProblemOut(code=file.problem, message=file.message) if file.problem else None,
        use=cast(Use, file.use),
        characters=file.characters,
        pages=file.pages,
        is_cut=file.is_cut,
        is_sent=file.is_sent,
        created_at=file.created_at,
    )
