"""The models of this machine: fetch, check, choose and remove them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import InvalidInput
from chatplatform.console import model_cards
from chatplatform.console.engines import language_engine
from chatplatform.console.parts import wants_part, with_toast
from chatplatform.inference import catalogue, model_choice, model_services
from chatplatform.inference.fit import machine_facts
from chatplatform.inference.model_choice import ROLES
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors


@require_safe
@requires(Permission.MODELS_READ)
@expected_errors
def model_list(request: PersonRequest) -> HttpResponseBase:
    """`?part=models` gives what changes, for a live refresh."""
    status, facts = language_engine(), machine_facts()
    better = model_cards.suggestion(status, facts)
    shown = model_cards.cards(status, facts)
    context = {
        "cards": shown,
        "choices": model_cards.choices(status),
        "better": better,
        "better_card": next((card for card in shown if better and card.model.id == better.model.id), None),
        "facts": facts,
        "engine": status,
        "may_manage": request.person.may(Permission.SYSTEM_MANAGE),
        "data": {"strings": STRINGS},
    }
    part = request.GET.get("part") == "models"
    return render(request, f"console/models/{'models' if part else 'page'}.html", context)


@require_POST
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def pull(request: PersonRequest, model_id: str) -> HttpResponseBase:
    """`licence` is the licence that was shown, sent only when the person ticked that they accept it."""
    model_services.pull(
        model_id, accepted_licence=request.POST.get("licence", ""), actor=request.person.actor
    )
    return _done(request, _("It is being fetched. You can leave this page."))


@require_POST
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def cancel(request: PersonRequest, model_id: str) -> HttpResponseBase:
    model_services.cancel_pull(model_id, actor=request.person.actor)
    return _done(request, _("Stopped. What has arrived is kept."))


@require_POST
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def verify(request: PersonRequest, model_id: str) -> HttpResponseBase:
    model_services.verify(model_id, actor=request.person.actor)
    return _done(request, _("The files are being read."))


@require_POST
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def remove(request: PersonRequest, model_id: str) -> HttpResponseBase:
    model_services.remove(model_id, actor=request.person.actor)
    return _done(request, _("Deleted."))


@require_POST
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def choose(request: PersonRequest, model_id: str) -> HttpResponseBase:
    """`role` is chat or quick."""
    role = next((each for each in ROLES if each == request.POST.get("role")), None)
    if role is None:
        raise InvalidInput("model_role_unknown", _("Choose what the model is to do."))
    model_choice.choose(role, model_id, actor=request.person.actor)
    title = catalogue.get(model_id).title
    return _done(request, _("%(model)s takes over as soon as it is loaded.") % {"model": title})


def _done(request: PersonRequest, words: str) -> HttpResponseBase:
    if wants_part(request):  # the page looks again by itself
        return with_toast(HttpResponse(status=204), words)
    messages.success(request, words)
    return redirect("console:models")
