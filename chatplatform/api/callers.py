"""Who calls, and what the call may do: the scopes of a token within the rights of its person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.security.base import AuthBase

from chatplatform.accounts.api_tokens import SCOPE_PERMISSIONS, Scope, TokenHolder
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import Person
from chatplatform.api.errors import Unauthorized
from chatplatform.common.actors import Actor
from chatplatform.common.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Caller:
    """A person, through a token of theirs or through their browser's session (`token` None)."""

    person: Person
    token: TokenHolder | None

    @property
    def id(self) -> UUID:
        return self.person.id

    @property
    def workspace_id(self) -> UUID:
        return self.person.workspace_id

    @property
    def token_id(self) -> UUID | None:
        return self.token.token_id if self.token else None

    @property
    def actor(self) -> Actor:
        return Actor.person(self.id, ip=self.person.ip, token_id=self.token_id)

    def may(self, permission: Permission) -> bool:
        return self.token.may(permission) if self.token else self.person.may(permission)


class ApiRequest(HttpRequest):
    """A request that passed the gate and its route's `Access`."""

    caller: Caller


class Access(AuthBase):
    """What a route needs: one of `permissions`; none means that everybody who is signed in may call it."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, *permissions: Permission) -> None:
        super().__init__()
        self.permissions = permissions

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The scopes that open the route to a token; empty when any does."""
        return tuple(scope for scope in Scope if SCOPE_PERMISSIONS[scope] & frozenset(self.permissions))

    def __call__(self, request: HttpRequest) -> Any:
        """The caller. Raises Unauthorized for nobody, NotAllowed when role or token do not include the route."""
        caller: Caller | None = getattr(request, "caller", None)
        if caller is None:
            raise Unauthorized
        if not self.permissions or any(caller.may(permission) for permission in self.permissions):
            return caller
        if any(caller.person.may(permission) for permission in self.permissions):
            raise NotAllowed(
                "scope_missing",
                _("This token lacks the scope %(scopes)s. Make one that has it.")
                % {"scopes": _(" or ").join(f"“{scope}”" for scope in self.scopes)},
            )
        raise NotAllowed("permission_denied", _("Your role does not include this. Ask an administrator."))
