"""Files that are made while they are sent. Whoever loses their place meanwhile gets no more of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from time import monotonic
from typing import Final, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.utils import translation
from django.utils.http import content_disposition_header

from chatplatform.accounts.permissions import Permission, may
from chatplatform.accounts.queries import membership_of
from chatplatform.common.scope import workspace_scope

T = TypeVar("T", str, bytes)

ASK_AGAIN_S: Final = 1.0


class DownloadEnded(ConnectionAbortedError):
    """The reader has no right to the rest. The connection breaks, so that nobody takes the part for the whole."""


def as_file(parts: AsyncIterator[T], name: str, content_type: str) -> StreamingHttpResponse:
    """A download of this name, which no browser shows as a page of ours."""
    response = StreamingHttpResponse(parts, content_type=content_type)
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response


async def streamed(
    parts: Iterator[T], person_id: UUID, workspace_id: UUID, permission: Permission = Permission.CHAT
) -> AsyncIterator[T]:
    """`parts`, each made in the workspace's scope and the reader's language: the middleware has left by now.

    Raises DownloadEnded once the person has not the permission there any more.
    """
    language = translation.get_language()
    asked_at = monotonic()

    def step() -> T | None:
        nonlocal asked_at
        if monotonic() - asked_at >= ASK_AGAIN_S:
            place = membership_of(person_id, workspace_id)
            if place is None or not place.is_active or not may(place.role, permission):
                raise DownloadEnded
            asked_at = monotonic()
        with workspace_scope(workspace_id), translation.override(language):
            return next(parts, None)

    while (part := await sync_to_async(step)()) is not None:
        yield part
