"""The models of this machine: fetch, add, check, measure, make anew, choose and remove them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import InvalidInput
from chatplatform.console import model_cards
from chatplatform.console.engines import language_engine
from chatplatform.console.parts import go_to, wants_part, with_toast
from chatplatform.inference.model_files import catalogue, model_choice, model_services, model_work
from chatplatform.inference.model_files.fit import machine_facts
from chatplatform.inference.model_files.model_choice import ROLES
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
        "additions": model_cards.additions(),
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
def add(request: PersonRequest) -> HttpResponseBase:
    """`path` of a GGUF file on the server, `name` and `licence`, which the file may say itself."""
    model_work.ask_to_add(
        request.POST.get("path", ""),
        name=request.POST.get("name", ""),
        licence=request.POST.get("licence", ""),
        actor=request.person.actor,
    )
    messages.success(request, _("The file is right, and is being added."))
    return go_to(HttpResponse(status=204), reverse("console:models"))


@require_POST
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def work(request: PersonRequest, model_id: str) -> HttpResponseBase:
    """`act` is measure, tune, quantize (with `kind`), encrypt, decrypt, or stop for whatever is being done."""
    actor = request.person.actor
    match request.POST.get("act", ""):
        case "measure":
            model_work.ask_to_measure(model_id, actor=actor)
        case "tune":
            model_work.ask_to_tune(model_id, actor=actor)
        case "quantize":
            model_work.ask_to_quantize(model_id, request.POST.get("kind", ""), actor=actor)
        case "encrypt":
            model_work.ask_to_encrypt(model_id, actor=actor)
        case "decrypt":
            model_work.ask_to_decrypt(model_id, actor=actor)
        case "stop":
            model_work.stop_work(model_id, actor=actor)
            return _done(request, _("Stopped."))
        case _:
            raise InvalidInput("model_act_unknown", _("Choose what is to be done with the model."))
    return _done(request, _("It has begun. You can leave this page."))


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
