"""Engines beside the machine's own: add them, say whether prompts may leave for them, test and remove them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import InvalidInput, PlatformError
from chatplatform.inference.endpoints import endpoint_queries as queries
from chatplatform.inference.endpoints import endpoint_services as services
from chatplatform.inference.endpoints.endpoint_queries import EndpointView
from chatplatform.inference.endpoints.endpoint_services import EndpointSpec
from chatplatform.inference.endpoints.endpoint_trial import Trial, try_endpoint
from chatplatform.inference.gateway import destination
from chatplatform.inference.models import EngineEndpoint
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

FIELDS = ("name", "url", "kind", "place", "order", "chat_model", "quick_model", "context_tokens")
OFFERED = {
    "kinds": EngineEndpoint.Kind.choices,
    "places": EngineEndpoint.Place.choices,
    "orders": EngineEndpoint.Order.choices,
}


@require_safe
@requires(Permission.MODELS_READ)
@expected_errors
def engine_list(request: PersonRequest) -> HttpResponseBase:
    context = {
        "engines": queries.endpoint_list(),
        "first": destination("chat"),
        "may_manage": request.person.may(Permission.SYSTEM_MANAGE),
        "data": {"strings": STRINGS},
    }
    return render(request, "console/engines/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def new_engine(request: PersonRequest) -> HttpResponseBase:
    """An empty form; a POST adds the engine."""
    if request.method != "POST":
        return _form(request, {"place": "machine", "kind": "openai", "order": "before"})
    try:
        made = services.add_endpoint(_spec(request), actor=request.person.actor)
    except PlatformError as problem:
        return _form(request, _typed(request), problem=problem)
    messages.success(request, _("The engine is added."))
    return redirect("console:engine", made.id)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def engine(request: PersonRequest, engine_id: UUID) -> HttpResponseBase:
    """One engine; a POST changes it. An empty field for the key leaves the key as it is."""
    view = queries.endpoint(engine_id)
    if request.method != "POST":
        return _form(request, view.row, view=view)
    try:
        services.change_endpoint(engine_id, _spec(request, keeps_key=True), actor=request.person.actor)
    except PlatformError as problem:
        return _form(request, _typed(request), view=view, problem=problem)
    messages.success(request, _("Saved."))
    return redirect("console:engine", engine_id)


@require_POST
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def switch(request: PersonRequest, engine_id: UUID) -> HttpResponseBase:
    """`on` is 1 or 0; `leave` is 1 where prompts may leave this machine."""
    on = request.POST.get("on") == "1"

    def act() -> None:
        services.switch_endpoint(
            engine_id, on, prompts_may_leave=request.POST.get("leave") == "1", actor=request.person.actor
        )

    return _done(request, engine_id, act, _("Switched on.") if on else _("Switched off."))


@require_POST
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def test(request: PersonRequest, engine_id: UUID) -> HttpResponseBase:
    """Ask it for its models, and show what it says."""
    view = queries.endpoint(engine_id)
    return _form(request, view.row, view=view, trial=try_endpoint(engine_id, actor=request.person.actor))


@require_POST
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def remove(request: PersonRequest, engine_id: UUID) -> HttpResponseBase:
    services.remove_endpoint(engine_id, actor=request.person.actor)
    messages.success(request, _("The engine is removed."))
    return redirect("console:engines")


def _typed(request: PersonRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "") for name in FIELDS}


def _spec(request: PersonRequest, *, keeps_key: bool = False) -> EndpointSpec:
    typed = _typed(request)
    context = typed.pop("context_tokens").strip() or "0"
    if not (context.isascii() and context.isdecimal() and len(context) <= 9):
        raise InvalidInput("engine_context_wrong", _("The context is a number of tokens, or 0."))
    key = request.POST.get("key", "")
    if request.POST.get("no_key") == "1":
        return EndpointSpec(**typed, context_tokens=int(context), key="")
    return EndpointSpec(**typed, context_tokens=int(context), key=None if keeps_key and not key else key)


def _done(request: PersonRequest, engine_id: UUID, act: Callable[[], None], words: str) -> HttpResponseBase:
    view = queries.endpoint(engine_id)
    try:
        act()
    except InvalidInput as problem:
        return _form(request, view.row, view=view, problem=problem)
    messages.success(request, words)
    return redirect("console:engine", engine_id)


def _form(
    request: PersonRequest,
    typed: Any,
    *,
    view: EndpointView | None = None,
    problem: PlatformError | None = None,
    trial: Trial | None = None,
) -> HttpResponseBase:
    context = {
        **OFFERED,
        "typed": typed,
        "address_help": _(
            "Such as https://llm.example.org/v1, http://127.0.0.1:8080 or unix:///run/llm.sock. "
            "Another address drops the key and the permission."
        ),
        "engine": view,
        "trial": trial,
        "problem": problem.message if problem else "",
        "data": {"strings": STRINGS},
    }
    return render(request, "console/engines/form.html", context, status=problem.status if problem else 200)
