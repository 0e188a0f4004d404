"""Who may open a page: decorators for views."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest, person_of

P = ParamSpec("P")
PersonView = Callable[Concatenate[PersonRequest, P], HttpResponseBase]
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def signed_in(view: PersonView[P]) -> View[P]:
    """For people of a workspace. Others are sent to the sign-in page; scripts get a 401 in JSON."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if person_of(request) is None:
            if request.accepts("text/html"):
                return redirect("accounts:sign_in")
            return JsonResponse(
                {"code": "accounts.signed_out", "message": _("You are signed out. Sign in again.")},
                status=401,
            )
        return view(cast(PersonRequest, request), *args, **kwargs)

    return guarded


def requires(permission: Permission) -> Callable[[PersonView[P]], View[P]]:
    """For people whose role has the right; raises PermissionDenied for other members."""

    def decorate(view: PersonView[P]) -> View[P]:
        @wraps(view)
        def guarded(request: PersonRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.person.may(permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return signed_in(guarded)

    return decorate


def runs_the_workspace(view: PersonView[P]) -> View[P]:
    """For owners and administrators; raises PermissionDenied for other members."""

    @wraps(view)
    def guarded(request: PersonRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.person.runs_the_workspace:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return signed_in(guarded)
