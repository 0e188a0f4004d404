"""Prompts as files: Markdown with a head in TOML, to be kept in a repository, compared and brought back.

    +++
    format = "chatplatform-prompt/1"
    name = "Shop"
    version = 3
    note = "shorter answers"
    sha256 = "…"
    +++
    You answer customers of a shop. …

The text is everything after the head, byte for byte; its hash finds a file that was cut or changed by accident.
Whoever edits a file by hand deletes the `sha256` line.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatplatform.common.actors import Actor
from chatplatform.common.errors import InvalidInput
from chatplatform.prompts.models import Prompt
from chatplatform.prompts.prompt_queries import VersionText
from chatplatform.prompts.releases import MAX_PROMPT_CHARS, SavedVersion, create_prompt, save_version

FORMAT = "chatplatform-prompt/1"
MAX_FILE_BYTES = 4 * MAX_PROMPT_CHARS + 10_000
_FENCE = "+++\n"


class _Head(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["chatplatform-prompt/1"]
    name: str = Field(min_length=1, max_length=100)
    version: int | None = Field(None, ge=1)
    note: str = Field("", max_length=200)
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")


@dataclass(frozen=True, slots=True)
class PromptFile:
    """The content of a file, checked."""

    name: str
    note: str
    text: str


@dataclass(frozen=True, slots=True)
class Imported:
    """`is_new_prompt`: nothing had this name before. Otherwise its text is a version that waits for a release."""

    saved: SavedVersion
    is_new_prompt: bool


def file_name(name: str) -> str:
    """A name for the file that every system takes."""
    kept = "".join(char if char.isalnum() else "-" for char in name.lower()).strip("-")
    return f"{kept[:60] or 'prompt'}.md"


def exported(version: VersionText) -> str:
    """The version as the text of a file."""
    head: dict[str, str | int] = {
        "format": FORMAT,
        "name": version.prompt_name,
        "version": version.number,
        "note": version.note,
        "sha256": version.sha256,
    }
    lines = [f"{key} = {_toml(value)}\n" for key, value in head.items()]
    return f"{_FENCE}{''.join(lines)}{_FENCE}{version.text}"


def parsed(content: bytes) -> PromptFile:
    """What a file holds. Raises InvalidInput that says what is wrong with it."""
    if len(content) > MAX_FILE_BYTES:
        raise _damaged(_("it is too large"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _damaged(_("it is not text in UTF-8")) from None
    if text.startswith("+++\r\n"):  # an editor of another system has been here
        text = text.replace("\r\n", "\n")
    head, fence, body = text.removeprefix(_FENCE).partition(f"\n{_FENCE}")
    if not text.startswith(_FENCE) or not fence:
        raise _damaged(_("it does not begin with a head between two lines of +++"))
    try:
        known = _Head.model_validate(tomllib.loads(head))
    except tomllib.TOMLDecodeError:
        raise _damaged(_("its head is not TOML")) from None
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_input=False, include_url=False)[0]["loc"])
        raise _damaged(
            _("“%(field)s” in its head is missing, unknown or not allowed") % {"field": where[:40]}
        ) from None
    if known.sha256 and hashlib.sha256(body.encode()).hexdigest() != known.sha256:
        raise _damaged(
            _(
                "its text is not the one that was exported (delete the sha256 line if you edited it on purpose)"
            )
        )
    return PromptFile(known.name, known.note, body)


def import_prompt(content: bytes, *, actor: Actor) -> Imported:
    """Bring a file in: a new prompt, or the next version of the one with this name, which is not released.

    One transaction. Raises InvalidInput for a damaged file or an invalid text.
    """
    found = parsed(content)
    with transaction.atomic():
        prompt_id: UUID | None = (
            Prompt.objects.filter(name=found.name.strip()).values_list("id", flat=True).first()
        )
        if prompt_id is None:
            return Imported(create_prompt(found.name, found.text, actor=actor), is_new_prompt=True)
        saved = save_version(prompt_id, found.text, actor=actor, note=found.note)
    return Imported(saved, is_new_prompt=False)


def _toml(value: str | int) -> str:
    """A basic string of TOML is one of JSON, but for the one control character that JSON leaves as it is."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _damaged(reason: str | Promise) -> InvalidInput:
    return InvalidInput(
        "prompt_file_damaged",
        _("This file cannot be imported: %(reason)s. Nothing was changed.") % {"reason": reason},
    )
