"""The page that an invitation leads to."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from chatplatform.accounts.invitation_forms import InvitedForm
from chatplatform.accounts.invitations import Offer, accept_invitation, offer_of
from chatplatform.accounts.person import WORKSPACE_SESSION_KEY, Person, person_of
from chatplatform.common.actors import Actor, ActorKind
from chatplatform.common.errors import InvalidInput, PlatformError


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """GET only asks, so that previews of links and scanners of mail accept nothing; POST accepts.

    Whoever is signed in joins as themselves; anybody else gives a name and an address, and is signed in.
    """
    try:
        offer = offer_of(token)
    except InvalidInput as error:
        return render(request, "accounts/invitation.html", {"refused": error.message}, status=error.status)
    person = person_of(request)
    if request.method != "POST":
        return _page(request, offer, person, InvitedForm(asks_address=not offer.email))
    form = InvitedForm(request.POST, asks_address=not offer.email)
    if person is None and not form.is_valid():
        return _page(request, offer, person, form, status=422)
    try:
        if person is not None:
            accept_invitation(token, actor=person.actor)
        else:
            visitor = Actor(ActorKind.ANONYMOUS, "anonymous", request.META.get("REMOTE_ADDR", ""))
            user = accept_invitation(
                token,
                display_name=form.cleaned_data["display_name"],
                email=form.cleaned_data["email"],
                actor=visitor,
            )
            login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    except PlatformError as error:
        return _page(request, offer, person, form, refused=error)
    request.session[WORKSPACE_SESSION_KEY] = str(offer.workspace_id)
    return redirect("chat")


def _page(
    request: HttpRequest,
    offer: Offer,
    person: Person | None,
    form: InvitedForm,
    *,
    refused: PlatformError | None = None,
    status: int = 200,
) -> HttpResponse:
    return render(
        request,
        "accounts/invitation.html",
        {"offer": offer, "invited": person, "form": form, "refused": refused.message if refused else ""},
        status=refused.status if refused else status,
    )
