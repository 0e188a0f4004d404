"""Conversations as files: taken away, and brought in."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import CHANGES, FINDS, READS_BODY, answers, example
from chatplatform.api.schemas import Body, Moment
from chatplatform.common.errors import InvalidInput
from chatplatform.sharing import exports, imports
from chatplatform.sharing.limits import EXPORT_CONVERSATIONS, IMPORT_BYTES, PIECE_BYTES
from chatplatform.sharing.models import FileFormat, ImportFile
from chatplatform.sharing.pieces import read_export
from chatplatform.sharing.progress import WorkState
from chatplatform.web.downloads import as_file, streamed

router = Router(tags=["Export and import"])
ACCESS = Access(Permission.CHAT)
_BASE64_CHARS = -(-PIECE_BYTES // 3) * 4


class FormatQuery(Schema):
    format: FileFormat = Field(
        FileFormat.JSON, description="`json` holds all branches, the others the shown one."
    )


class NewExport(Body):
    format: FileFormat = FileFormat.JSON
    conversation_ids: list[UUID] | None = Field(
        None, max_length=EXPORT_CONVERSATIONS, description="Which ones; null means all of yours."
    )


class ExportOut(Schema):
    """A zip of conversations. When `state` is `done`, it can be fetched until `expires_at`."""

    id: UUID
    format: FileFormat
    state: WorkState
    progress: float
    message: str
    conversations: int
    left_out: int
    size_bytes: int
    created_at: Moment
    expires_at: Moment


class ExportList(Schema):
    items: list[ExportOut]


class NewImport(Body):
    size_bytes: int = Field(..., ge=1, le=2**53, description=f"Of the whole file; at most {IMPORT_BYTES}.")


class Piece(Body):
    number: int = Field(..., ge=0, le=2**31, description="0 is the first; they come in order.")
    data: str = Field(
        ...,
        max_length=_BASE64_CHARS,
        description=f"{PIECE_BYTES} bytes of the file in base64; the last piece may be shorter.",
    )


class ProblemOut(Schema):
    """A conversation that was not taken: its place in the file, and why."""

    position: int
    code: str
    title: str
    message: str


class ImportOut(Schema):
    """A file that is received or read, or what became of it. `repeated` were here already."""

    id: UUID
    kind: ImportFile.Kind
    state: WorkState
    progress: float
    message: str
    size_bytes: int
    pieces: int
    received: int
    found: int
    imported: int
    repeated: int
    refused: int
    problems: list[ProblemOut]
    created_at: Moment


class ImportList(Schema):
    items: list[ImportOut]


A_FILE = {"responses": {200: {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}}}


@router.get(
    "conversations/{uuid:conversation_id}/export",
    response=answers(None, errors=FINDS),
    auth=ACCESS,
    summary="Export a conversation",
    openapi_extra=A_FILE,
)
def export_conversation(
    request: ApiRequest, conversation_id: UUID, query: Query[FormatQuery]
) -> StreamingHttpResponse:
    """One conversation as a file."""
    document = exports.take_conversation(
        conversation_id, query.format, person_id=request.caller.id, actor=request.caller.actor
    )
    parts = streamed(document.parts, request.caller.id, request.caller.workspace_id)
    return as_file(parts, document.name, document.content_type)


@router.get("exports", response=answers(ExportList), auth=ACCESS, summary="List your exports")
def list_exports(request: ApiRequest) -> dict[str, Any]:
    return {"items": [_export(row) for row in exports.exports_of(request.caller.id)]}


@router.post(
    "exports",
    response=answers(ExportOut, status=202, errors=CHANGES),
    auth=ACCESS,
    summary="Export conversations",
    openapi_extra=example({"format": "json", "conversation_ids": None}),
)
def begin_export(request: ApiRequest, body: NewExport) -> Status[ExportOut]:
    """Has a zip made in the background; one at a time, and the one before it goes."""
    made = exports.begin_export(
        body.format, conversation_ids=body.conversation_ids, actor=request.caller.actor
    )
    return Status(202, _export(exports.export_of(request.caller.id, made.id)))


@router.get(
    "exports/{uuid:export_id}",
    response=answers(ExportOut, errors=FINDS),
    auth=ACCESS,
    summary="Get an export",
)
def get_export(request: ApiRequest, export_id: UUID) -> ExportOut:
    return _export(exports.export_of(request.caller.id, export_id))


@router.get(
    "exports/{uuid:export_id}/file",
    response=answers(None, errors=(404, 409)),
    auth=ACCESS,
    summary="Download an export",
    openapi_extra=A_FILE,
)
def download_export(request: ApiRequest, export_id: UUID) -> StreamingHttpResponse:
    """The zip."""
    file = exports.take_export(export_id, actor=request.caller.actor)
    parts = streamed(read_export(file), request.caller.id, request.caller.workspace_id)
    response = as_file(parts, "conversations.zip", "application/zip")
    response.headers["Content-Length"] = str(file.size_bytes)
    return response


@router.delete(
    "exports/{uuid:export_id}",
    response=answers(None, status=204, errors=CHANGES),
    auth=ACCESS,
    summary="Remove an export",
)
def remove_export(request: ApiRequest, export_id: UUID) -> Status[None]:
    exports.remove_export(export_id, actor=request.caller.actor)
    return Status(204, None)


@router.get("imports", response=answers(ImportList), auth=ACCESS, summary="List your imports")
def list_imports(request: ApiRequest) -> dict[str, Any]:
    return {"items": [_import(row) for row in imports.imports_of(request.caller.id)]}


@router.post(
    "imports",
    response=answers(ImportOut, status=201, errors=READS_BODY),
    auth=ACCESS,
    summary="Begin an import",
    openapi_extra=example({"size_bytes": 1048576}),
)
def begin_import(request: ApiRequest, body: NewImport) -> Status[ImportOut]:
    """Expects a file: a JSON export of this platform, of ChatGPT or of Open WebUI, or a zip of such."""
    made = imports.begin_import(body.size_bytes, actor=request.caller.actor)
    return Status(201, _import(imports.import_of(request.caller.id, made.id)))


@router.post(
    "imports/{uuid:import_id}/pieces",
    response=answers(ImportOut, errors=CHANGES),
    auth=ACCESS,
    summary="Send a piece of an import",
    openapi_extra=example({"number": 0, "data": "W10="}),
)
def send_piece(request: ApiRequest, import_id: UUID, body: Piece) -> ImportOut:
    """A piece that is here already changes nothing."""
    try:
        piece = base64.b64decode(body.data, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("sharing.import_piece", _("Send the piece in base64.")) from None
    imports.receive_piece(import_id, body.number, piece, actor=request.caller.actor)
    return _import(imports.import_of(request.caller.id, import_id))


@router.post(
    "imports/{uuid:import_id}/start",
    response=answers(ImportOut, status=202, errors=CHANGES),
    auth=ACCESS,
    summary="Read an import",
)
def start_import(request: ApiRequest, import_id: UUID) -> Status[ImportOut]:
    """Has the file read in the background, now that all of it is here."""
    imports.start_import(import_id, actor=request.caller.actor)
    return Status(202, _import(imports.import_of(request.caller.id, import_id)))


@router.get(
    "imports/{uuid:import_id}",
    response=answers(ImportOut, errors=FINDS),
    auth=ACCESS,
    summary="Get an import",
)
def get_import(request: ApiRequest, import_id: UUID) -> ImportOut:
    return _import(imports.import_of(request.caller.id, import_id))


@router.delete(
    "imports/{uuid:import_id}",
    response=answers(None, status=204, errors=CHANGES),
    auth=ACCESS,
    summary="Remove an import",
)
def remove_import(request: ApiRequest, import_id: UUID) -> Status[None]:
    """Removes the file, or the report of it; what was imported stays."""
    imports.remove_import(import_id, actor=request.caller.actor)
    return Status(204, None)


def _export(row: exports.ExportView) -> ExportOut:
    return ExportOut(
        id=row.id,
        format=row.format,
        state=row.work.state,
        progress=row.work.fraction,
        message=row.work.message,
        conversations=row.conversations,
        left_out=row.left_out,
        size_bytes=row.size_bytes,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def _import(row: imports.ImportView) -> ImportOut:
    return ImportOut(
        id=row.id,
        kind=row.kind,
        state=row.work.state,
        progress=row.work.fraction,
        message=row.work.message,
        size_bytes=row.size_bytes,
        pieces=row.pieces,
        received=row.received,
        found=row.found,
        imported=row.imported,
        repeated=row.repeated,
        refused=row.refused,
        problems=[
            ProblemOut(position=each.position, code=each.code, title=each.title, message=each.words)
            for each in row.problems
        ],
        created_at=row.created_at,
    )
