"""A person's workspaces: which one to work in, another name for it, and a new one."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatplatform.accounts.access import requires, signed_in
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.accounts.workspaces import (
    NAME_CHARS,
    create_workspace,
    rename_workspace,
    switch_workspace,
    workspaces_of,
)
from chatplatform.common.errors import InvalidInput, NotFound


@require_safe
@signed_in
def workspaces(request: PersonRequest) -> HttpResponseBase:
    return _page(request)


@require_POST
@signed_in
def switch(request: PersonRequest) -> HttpResponseBase:
    """Work in the posted workspace from now on; another's, or none, is not found."""
    try:
        workspace_id = UUID(request.POST.get("workspace", ""))
        switch_workspace(request.session, workspace_id, actor=request.person.actor)
    except (ValueError, NotFound) as error:
        raise Http404 from error
    return redirect("chat")


@require_POST
@requires(Permission.WORKSPACE_MANAGE)
def rename(request: PersonRequest) -> HttpResponseBase:
    name = request.POST.get("name", "")
    try:
        rename_workspace(name, actor=request.person.actor)
    except InvalidInput as error:
        return _page(request, name=name, refused_name=error)
    messages.success(request, _("Saved."))
    return redirect("accounts:workspaces")


@require_POST
@requires(Permission.SYSTEM_MANAGE)
def create(request: PersonRequest) -> HttpResponseBase:
    """Make a workspace of one's own, and work there."""
    name = request.POST.get("name", "")
    person = request.person
    try:
        workspace = create_workspace(name, owner=person.user, actor=person.actor)
    except InvalidInput as error:
        return _page(request, new_name=name, refused_new=error)
    switch_workspace(request.session, workspace.id, actor=person.actor)
    messages.success(request, _("The workspace is ready. You are its owner."))
    return redirect("accounts:workspaces")


def _page(
    request: PersonRequest,
    *,
    name: str | None = None,
    refused_name: InvalidInput | None = None,
    new_name: str = "",
    refused_new: InvalidInput | None = None,
) -> HttpResponse:
    person = request.person
    places = workspaces_of(person.id)
    current = next(place for place in places if place.id == person.workspace_id)
    return render(
        request,
        "accounts/workspaces.html",
        {
            "places": places,
            "current": current,
            "name": current.name if name is None else name,
            "refused_name": refused_name.message if refused_name else "",
            "may_rename": person.may(Permission.WORKSPACE_MANAGE),
            "new_name": new_name,
            "refused_new": refused_new.message if refused_new else "",
            "may_create": person.may(Permission.SYSTEM_MANAGE),
            "name_chars": NAME_CHARS,
        },
        status=422 if refused_name or refused_new else 200,
    )
