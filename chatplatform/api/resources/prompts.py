"""Prompts: immutable versions, labels that move, rollback."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ninja import Field, Query, Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.cursors import at_number, cursor
from chatplatform.api.documentation import CHANGES, FINDS, answers, example
from chatplatform.api.schemas import Body, Moment, NextCursor, Page, Text
from chatplatform.prompts import services
from chatplatform.prompts.labels import ANYTHING
from chatplatform.prompts.models import PromptLabel
from chatplatform.prompts.prompt_queries import (
    PromptView,
    prompt_list,
    prompt_view,
    version_list,
    version_text,
)
from chatplatform.prompts.releases import MAX_NAME_CHARS, MAX_PROMPT_CHARS

router = Router(tags=["Prompts"])
READ = Access(Permission.PROMPTS_READ)
EDIT = Access(Permission.PROMPTS_EDIT)
RELEASE = Access(Permission.PROMPTS_RELEASE)
MOST_VERSIONS = 2**31 - 1


class PromptItem(Schema):
    """`released` is the number of the `production` version, `newest` of the last saved one."""

    id: UUID
    name: str
    released: int | None
    newest: int
    changed_at: Moment
    is_retired: bool


class PromptItems(Schema):
    items: list[PromptItem]


class LabelOut(Schema):
    name: str
    number: int
    version_id: UUID
    moved_at: Moment


class PromptOut(Schema):
    """`rollback_number` is where a rollback of `production` would go to; null when there is nothing before."""

    id: UUID
    name: str
    newest: int
    labels: list[LabelOut]
    rollback_number: int | None
    is_retired: bool


class VersionOut(Schema):
    id: UUID
    number: int
    note: str
    author: str
    created_at: Moment
    characters: int
    labels: list[str]


class VersionList(Schema):
    items: list[VersionOut]
    next: NextCursor


class VersionWithText(Schema):
    """`sha256` is of `text` in UTF-8: answers name it in their passports."""

    id: UUID
    number: int
    note: str
    sha256: str
    text: str


class SavedOut(Schema):
    """`created` is false when the newest version had this text already."""

    prompt_id: UUID
    version_id: UUID
    number: int
    sha256: str
    created: bool


class NewPrompt(Body):
    name: Text = Field(..., min_length=1, max_length=MAX_NAME_CHARS)
    text: Text = Field(..., min_length=1, max_length=MAX_PROMPT_CHARS)


class NewVersion(Body):
    text: Text = Field(..., min_length=1, max_length=MAX_PROMPT_CHARS)
    note: Text = Field("", max_length=200, description="What changed.")


class Release(Body):
    """`expected_version_id` is where you saw the label: if it stands elsewhere by now, nothing happens (409)."""

    version_id: UUID
    expected_version_id: UUID | None = None
    label: str = Field(PromptLabel.PRODUCTION, min_length=1, max_length=32, pattern="^[a-z0-9-]+$")


class Rollback(Body):
    expected_version_id: UUID | None = Field(None, description="Where you saw `production`; null: wherever.")


@router.get("prompts", response=answers(PromptItems), auth=READ, summary="List prompts")
def list_prompts(request: ApiRequest) -> dict[str, Any]:
    """All prompts by name, those in use first."""
    return {
        "items": [
            PromptItem(
                id=row.id,
                name=row.name,
                released=row.released,
                newest=row.newest,
                changed_at=row.changed_at,
                is_retired=row.is_retired,
            )
            for row in prompt_list()
        ]
    }


@router.post(
    "prompts",
    response=answers(SavedOut, status=201, errors=CHANGES),
    auth=RELEASE,
    summary="Make a prompt",
    openapi_extra=example({"name": "Shop", "text": "You answer questions about our shop."}),
)
def create_prompt(request: ApiRequest, body: NewPrompt) -> Status[SavedOut]:
    """Its first version is released at once, as `production`."""
    return Status(201, _saved(services.create_prompt(body.name, body.text, actor=request.caller.actor)))


@router.get(
    "prompts/{uuid:prompt_id}", response=answers(PromptOut, errors=FINDS), auth=READ, summary="Get a prompt"
)
def get_prompt(request: ApiRequest, prompt_id: UUID) -> PromptOut:
    return _out(prompt_view(prompt_id))


@router.get(
    "prompts/{uuid:prompt_id}/versions",
    response=answers(VersionList, errors=FINDS),
    auth=READ,
    summary="List versions",
)
def list_versions(request: ApiRequest, prompt_id: UUID, page: Query[Page]) -> dict[str, Any]:
    """The history, newest first, without the texts."""
    prompt_view(prompt_id)
    found = version_list(prompt_id, before=at_number(page.after), limit=page.limit + 1)
    shown = found[: page.limit]
    return {
        "items": [
            VersionOut(
                id=row.id,
                number=row.number,
                note=row.note,
                author=row.author,
                created_at=row.created_at,
                characters=row.characters,
                labels=list(row.labels),
            )
            for row in shown
        ],
        "next": cursor(shown[-1].number) if len(found) > len(shown) else None,
    }


@router.get(
    "prompts/{uuid:prompt_id}/versions/{int:number}",
    response=answers(VersionWithText, errors=FINDS),
    auth=READ,
    summary="Get a version with its text",
)
def get_version(request: ApiRequest, prompt_id: UUID, number: int) -> VersionWithText:
    found = version_text(prompt_id, min(number, MOST_VERSIONS))
    return VersionWithText(
        id=found.id, number=found.number, note=found.note, sha256=found.sha256, text=found.text
    )


@router.post(
    "prompts/{uuid:prompt_id}/versions",
    response=answers(SavedOut, also={201: SavedOut}, errors=CHANGES),
    auth=EDIT,
    summary="Save a version",
    openapi_extra=example({"text": "You answer questions about our shop.", "note": "Shorter"}),
)
def save_version(request: ApiRequest, prompt_id: UUID, body: NewVersion) -> Status[SavedOut]:
    """Keeps the text as the next version; nobody gets it before it is released."""
    saved = services.save_version(prompt_id, body.text, note=body.note, actor=request.caller.actor)
    return Status(201 if saved.created else 200, _saved(saved))


@router.post(
    "prompts/{uuid:prompt_id}/release",
    response=answers(PromptOut, errors=CHANGES),
    auth=RELEASE,
    summary="Release a version",
    openapi_extra=example({"version_id": "00000000-0000-0000-0000-000000000000"}),
)
def release(request: ApiRequest, prompt_id: UUID, body: Release) -> PromptOut:
    """Points `production`, or another label, at a version: it holds from the next turn on, everywhere."""
    services.move_label(
        prompt_id,
        body.label,
        body.version_id,
        actor=request.caller.actor,
        expected_version_id=body.expected_version_id or ANYTHING,
    )
    return _out(prompt_view(prompt_id))


@router.post(
    "prompts/{uuid:prompt_id}/rollback",
    response=answers(PromptOut, errors=CHANGES),
    auth=RELEASE,
    summary="Roll back",
)
def roll_back(request: ApiRequest, prompt_id: UUID, body: Rollback) -> PromptOut:
    """Points `production` at the version that it named before; again goes one release further back."""
    services.roll_back(
        prompt_id, actor=request.caller.actor, expected_version_id=body.expected_version_id or ANYTHING
    )
    return _out(prompt_view(prompt_id))


def _saved(saved: services.SavedVersion) -> SavedOut:
    return SavedOut(
        prompt_id=saved.prompt_id,
        version_id=saved.version_id,
        number=saved.number,
        sha256=saved.sha256,
        created=saved.created,
    )


def _out(view: PromptView) -> PromptOut:
    return PromptOut(
        id=view.id,
        name=view.name,
        newest=view.newest,
        labels=[
            LabelOut(
                name=label.name, number=label.number, version_id=label.version_id, moved_at=label.moved_at
            )
            for label in view.labels
        ],
        rollback_number=view.rollback_number,
        is_retired=view.is_retired,
    )
