"""Requests that may be sent twice: the second gets the first one's answer, whatever became of the connection.

The row is written before the request is carried out. So of two at once one runs and the other is told to wait;
one whose process died can be sent again after a while.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus

from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from chatplatform.api.callers import Caller
from chatplatform.api.limits import (
    IDEMPOTENCY_KEPT_S,
    IDEMPOTENCY_KEY_CHARS,
    IDEMPOTENCY_RUNNING_S,
)
from chatplatform.api.models import RepeatableCall
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput
from chatplatform.common.scope import all_workspaces, current_workspace_id
from chatplatform.privacy.content import decrypt_text, encrypt_text
from chatplatform.privacy.subjects import Subject

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"


def once(request: HttpRequest, caller: Caller, act: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """The answer of `act`, or of the earlier request with the same key. In the caller's workspace scope.

    Errors that may pass (409, 429, 5xx) are not kept, so that the request can be sent again. Raises InvalidInput
    for a key that is none, Conflict for one that is in use or was used for something else.
    """
    key = request.headers.get(HEADER, "")
    if not 1 <= len(key) <= IDEMPOTENCY_KEY_CHARS or not key.isprintable():
        raise InvalidInput(
            "invalid_idempotency_key",
            _("An Idempotency-Key has 1 to %(n)d printable characters.") % {"n": IDEMPOTENCY_KEY_CHARS},
        )
    row, is_new = _reserved(request, caller, key)
    if not is_new:
        return _repeated(row, caller, act)
    try:
        response = act()
    except BaseException:
        _forget(row)
        raise
    _keep(row, caller, response)
    return response


def _reserved(request: HttpRequest, caller: Caller, key: str) -> tuple[RepeatableCall, bool]:
    """The row of this key, and whether it was made now. Raises Conflict."""
    fingerprint = _fingerprint(request)
    named = {"user_id": caller.id, "key_sha256": hashlib.sha256(key.encode(errors="replace")).hexdigest()}
    with transaction.atomic():
        RepeatableCall.objects.filter(**named, created_at__lt=now() - _kept()).delete()
        # one that runs for so long has lost its process
        RepeatableCall.objects.filter(
            **named, status=0, streamed=False, created_at__lt=now() - timedelta(seconds=IDEMPOTENCY_RUNNING_S)
        ).delete()
        row, is_new = RepeatableCall.objects.get_or_create(
            **named,
            defaults={"workspace_id": current_workspace_id(), "request_sha256": fingerprint},
        )
    if row.request_sha256 != fingerprint:
        raise Conflict(
            "idempotency_key_reused",
            _("This Idempotency-Key was used for another request. Choose a new one for each."),
        )
    return row, is_new


def _fingerprint(request: HttpRequest) -> str:
    digest = hashlib.sha256()
    for part in (request.method or "", request.get_full_path(), request.content_type or ""):
        digest.update(part.encode(errors="replace") + b"\0")
    digest.update(request.body)
    return digest.hexdigest()


def _repeated(row: RepeatableCall, caller: Caller, act: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    if row.streamed:
        return act()  # its own client id makes it the same turn, which is told from its beginning
    if row.status == 0:
        raise Conflict(
            "idempotency_key_in_use",
            _("A request with this Idempotency-Key is still running. Ask again in a moment."),
        )
    text = decrypt_text(Subject.person(caller.id), bytes(row.body), context=_context(row)) if row.body else ""
    response = HttpResponse(text, status=row.status, content_type=row.content_type)
    response[REPLAYED] = "true"
    return response


def _keep(row: RepeatableCall, caller: Caller, response: HttpResponseBase) -> None:
    if response.streaming:
        row.streamed = True
        row.save(update_fields=["streamed"])
        return
    assert isinstance(response, HttpResponse)
    status = response.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }:
        _forget(row)
        return
    row.status = status
    row.content_type = response.headers.get("Content-Type", "application/json")[:100]
    text = response.content.decode()
    row.body = encrypt_text(Subject.person(caller.id), text, context=_context(row)) if text else b""
    row.save(update_fields=["status", "content_type", "body"])


def _forget(row: RepeatableCall) -> None:
    with suppress(DatabaseError):  # then it counts as dead after a while
        row.delete()


def _context(row: RepeatableCall) -> str:
    return f"repeatable-call:{row.pk}"


def _kept() -> timedelta:
    return timedelta(seconds=IDEMPOTENCY_KEPT_S)


def forget_old_calls() -> int:
    with all_workspaces("answers of every workspace grow old alike"):
        return RepeatableCall.objects.filter(created_at__lt=now() - _kept()).delete()[0]
