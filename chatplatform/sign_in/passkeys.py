"""Passkeys (WebAuthn): added, removed, and used to come in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic import ValidationError as Malformed

from chatplatform.accounts.models import User
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.sign_in.audit_events import PASSKEY_ADDED, PASSKEY_REMOVED
from chatplatform.sign_in.sessions import workspace_of

NAME_CHARS = 60
MOST = 20
_TYPE = Authenticator.Type.WEBAUTHN


@dataclass(frozen=True, slots=True)
class PasskeyView:
    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    clientDataJSON: str = Field(max_length=4096)  # the browser's names


class _Made(_Part):
    attestationObject: str = Field(max_length=16384)


class _Signed(_Part):
    authenticatorData: str = Field(max_length=4096)
    signature: str = Field(max_length=4096)
    userHandle: str = Field(max_length=128)


class _Credential(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str = Field(max_length=2048)
    rawId: str = Field(max_length=2048)
    type: str = Field(pattern="^public-key$")
    clientExtensionResults: dict[str, JsonValue] = {}


class _NewCredential(_Credential):
    response: _Made


class _UsedCredential(_Credential):
    response: _Signed


class NewPasskey(BaseModel):
    """What the page sends once the browser has made a passkey."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("", max_length=NAME_CHARS)
    credential: _NewCredential


class UsedPasskey(BaseModel):
    """What the page sends once the browser has used one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    credential: _UsedCredential
    next: str = Field("", max_length=2000)


def parse_new(body: bytes) -> NewPasskey:
    """Raises InvalidInput."""
    try:
        return NewPasskey.model_validate_json(body)
    except Malformed as error:
        raise _not_accepted() from error


def parse_used(body: bytes) -> UsedPasskey:
    """Raises InvalidInput."""
    try:
        return UsedPasskey.model_validate_json(body)
    except Malformed as error:
        raise _not_accepted() from error


def passkeys_of(user: User) -> list[PasskeyView]:
    """The person's passkeys, oldest first."""
    rows = Authenticator.objects.filter(user=user, type=_TYPE).order_by("created_at", "pk")
    return [PasskeyView(row.pk, row.data["name"], row.created_at, row.last_used_at) for row in rows]


def address_for_passkeys(request: HttpRequest) -> str:
    """Empty where passkeys work. On an IP address they do not: the same address by name, or `-` if we know none.

    Browsers tie passkeys to names; 127.0.0.1 has the name localhost.
    """
    asked = urlsplit(f"//{request.get_host()}")
    try:
        address = ip_address(asked.hostname or "")
    except ValueError:
        return ""
    if not address.is_loopback:
        return "-"
    return f"http://localhost:{asked.port}" if asked.port else "http://localhost"


def begin_adding(user: User) -> dict[str, Any]:
    """Options for `navigator.credentials.create`, as JSON values; raises Conflict when there are too many."""
    if Authenticator.objects.filter(user=user, type=_TYPE).count() >= MOST:
        raise Conflict(
            "sign_in.passkeys_enough", _("That is enough passkeys. Remove one that you no longer use.")
        )
    return _plain(auth.begin_registration(user, passwordless=True))


def add(user: User, sent: NewPasskey, *, actor: Actor) -> PasskeyView:
    """Keep the passkey that the browser made. Raises InvalidInput when it does not answer the options."""
    credential = sent.credential.model_dump(mode="json")
    with _refusals():
        auth.parse_registration_response(credential)
        made = auth.complete_registration(credential)
        if not made.is_user_verified():
            raise _not_accepted()
        if auth.get_authenticator_by_credential_id(user, made.credential_data.credential_id):
            raise _not_accepted()
    name = " ".join(sent.name.split()) or _("Passkey")
    with transaction.atomic():
        row = auth.WebAuthn.add(user, name, credential).instance
        _record(PASSKEY_ADDED, user, row, actor)
    return PasskeyView(row.pk, name, row.created_at, None)


def remove(user: User, passkey_id: int, *, actor: Actor) -> None:
    """Raises NotFound when it is not the person's."""
    with transaction.atomic():
        row = Authenticator.objects.filter(user=user, type=_TYPE, pk=passkey_id).first()
        if row is None:
            raise NotFound("sign_in.passkey_not_found", _("There is no such passkey."))
        _record(PASSKEY_REMOVED, user, row, actor)
        row.delete()


def begin_use() -> dict[str, Any]:
    """Options for `navigator.credentials.get`: for whoever holds a passkey of this site."""
    return _plain(auth.begin_authentication(None))


def use(sent: UsedPasskey) -> Authenticator:
    """The passkey that answered the options of this session. Raises InvalidInput."""
    credential = sent.credential.model_dump(mode="json")
    with _refusals():
        auth.parse_authentication_response(credential)
        user = auth.extract_user_from_response(credential)
        return auth.complete_authentication(user, credential)


@contextmanager
def _refusals() -> Iterator[None]:
    """Whatever a forged answer makes the library raise is one refusal."""
    try:
        yield
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _not_accepted() from error


def _not_accepted() -> InvalidInput:
    return InvalidInput(
        "sign_in.passkey_refused",
        gettext_lazy("This passkey was not accepted. Try again, or come in another way."),
    )


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(options, default=dict))
    return plain


def _record(event: Any, user: User, row: Authenticator, actor: Actor) -> None:
    record(
        event,
        actor=actor,
        workspace_id=workspace_of(user),
        target=Target("person", str(user.id)),
        details={"passkey": row.pk},
    )


def note_used(row: Authenticator) -> None:
    """Remember when a passkey was last used."""
    Authenticator.objects.filter(pk=row.pk).update(last_used_at=now())
