"""How a person comes in: password, passkeys, one-time codes, and the sessions that are open."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chatplatform.accounts.access import signed_in
from chatplatform.accounts.person import PersonRequest
from chatplatform.accounts.services import make_sign_in_link
from chatplatform.audit.services import Target, record
from chatplatform.common.errors import InvalidInput, PlatformError, TooMany
from chatplatform.sign_in import one_time_codes, passkeys, sessions
from chatplatform.sign_in.adapters import MfaAdapter
from chatplatform.sign_in.arrivals import confirm, is_confirmed
from chatplatform.sign_in.audit_events import CONFIRM_REFUSED, CONFIRMED
from chatplatform.sign_in.forms import CodeForm, NewPasswordForm, PasswordForm
from chatplatform.sign_in.limits import take_back
from chatplatform.sign_in.passwords import limited, set_password
from chatplatform.sign_in.sealing import seal, unseal
from chatplatform.sign_in.views.page_strings import DATA
from chatplatform.sign_in.visitors import next_page, own_page

P = ParamSpec("P")
View = Callable[Concatenate[PersonRequest, P], HttpResponseBase]

_PENDING_SECRET = "sign_in.pending_secret"  # noqa: S105  # the name of a session key
_HAND_OVER_S = 120


def confirmed(view: View[P]) -> View[P]:
    """For who proved a short while ago who they are: a session left open must not become a way in for others."""

    @wraps(view)
    def guarded(request: PersonRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if is_confirmed(request):
            return view(request, *args, **kwargs)
        # a form that was posted is not repeated for them: they come back to where it was
        after = request.get_full_path() if request.method in {"GET", "HEAD"} else reverse("accounts:security")
        address = f"{reverse('accounts:confirm')}?{urlencode({'next': after})}"
        if request.accepts("text/html"):
            return redirect(address)
        said = {
            "code": "sign_in.confirm",
            "message": _("Confirm that it is you first."),
            "confirm_at": address,
        }
        return JsonResponse(said, status=403)

    return guarded


def answered(view: View[P]) -> View[P]:
    """Expected errors become a message on the page, or JSON for scripts."""

    @wraps(view)
    def guarded(request: PersonRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except PlatformError as error:
            if request.accepts("text/html"):
                return security_page(request, refused=str(error.message), status=error.status)
            return JsonResponse({"code": error.code, "message": str(error.message)}, status=error.status)

    return guarded


@require_safe
@signed_in
def security(request: PersonRequest) -> HttpResponseBase:
    return security_page(request)


def security_page(request: PersonRequest, *, refused: str = "", status: int = 200) -> HttpResponse:
    user = request.person.user
    codes_on = one_time_codes.are_on(user)
    context: dict[str, Any] = {
        "has_password": user.has_usable_password(),
        "passkeys": passkeys.passkeys_of(user),
        "passkeys_at": passkeys.address_for_passkeys(request),
        "codes_on": codes_on,
        "codes_left": one_time_codes.codes_left(user) if codes_on else 0,
        "sessions": sessions.sessions_of(user, current_key=request.session.session_key),
        "refused": refused,
        "data": DATA,
    }
    return render(request, "accounts/security.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@sensitive_post_parameters("password")
def confirm_page(request: PersonRequest) -> HttpResponseBase:
    """Asks again for a password or a passkey."""
    user = request.person.user
    after = next_page(request) or reverse("accounts:security")
    if is_confirmed(request):
        return redirect(after)
    context: dict[str, Any] = {
        "next": after,
        "has_password": user.has_usable_password(),
        "has_passkeys": bool(passkeys.passkeys_of(user)) and not passkeys.address_for_passkeys(request),
        "form": PasswordForm(),
        "data": DATA,
    }
    if request.method != "POST":
        return render(request, "accounts/confirm.html", context)
    form = context["form"] = PasswordForm(request.POST)
    if not form.is_valid():
        return render(request, "accounts/confirm.html", context, status=422)
    try:
        attempts = limited(
            request, account=f"password:{user.email.casefold()}", method="password", email=user.email
        )
    except TooMany as error:
        form.add_error("password", str(error.message))
        return render(request, "accounts/confirm.html", context, status=error.status)
    if not user.check_password(form.cleaned_data["password"]):
        _record_confirmation(request, "password", is_right=False)
        form.add_error("password", _("This is not your password."))
        return render(request, "accounts/confirm.html", context, status=401)
    take_back(*attempts)
    _record_confirmation(request, "password", is_right=True)
    return redirect(after)


@require_POST
@signed_in
@answered
def confirm_by_passkey(request: PersonRequest) -> HttpResponseBase:
    sent = passkeys.parse_used(request.body)
    try:
        found = passkeys.use(sent)
        if found.user_id != request.person.id:
            raise InvalidInput("sign_in.passkey_refused", _("This passkey belongs to somebody else."))
    except InvalidInput:
        _record_confirmation(request, "passkey", is_right=False)
        raise
    passkeys.note_used(found)
    _record_confirmation(request, "passkey", is_right=True)
    return JsonResponse({"next": own_page(sent.next) or reverse("accounts:security")})


def _record_confirmation(request: PersonRequest, method: str, *, is_right: bool) -> None:
    with transaction.atomic():
        if is_right:
            confirm(request)
        record(
            CONFIRMED if is_right else CONFIRM_REFUSED,
            actor=request.person.actor,
            workspace_id=request.person.workspace_id,
            target=Target("person", str(request.person.id)),
            details={"method": method},
            outcome="ok" if is_right else "refused",
        )


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@confirmed
@sensitive_post_parameters()
def password(request: PersonRequest) -> HttpResponseBase:
    user = request.person.user
    context: dict[str, Any] = {"has_password": user.has_usable_password()}
    if request.method != "POST":
        return render(request, "accounts/password.html", context | {"form": NewPasswordForm(user=user)})
    form = NewPasswordForm(request.POST, user=user)
    if not form.is_valid():
        return render(request, "accounts/password.html", context | {"form": form}, status=422)
    set_password(request, user, form.cleaned_data["password"], actor=request.person.actor)
    messages.success(request, _("Saved. You are signed out on your other devices."))
    return redirect("accounts:security")


@require_POST
@signed_in
@confirmed
@answered
def passkey_options(request: PersonRequest) -> HttpResponseBase:
    return JsonResponse(passkeys.begin_adding(request.person.user))


@require_POST
@signed_in
@confirmed
@answered
def add_passkey(request: PersonRequest) -> HttpResponseBase:
    passkeys.add(request.person.user, passkeys.parse_new(request.body), actor=request.person.actor)
    messages.success(request, _("Your passkey is ready to use."))
    return JsonResponse({"next": reverse("accounts:security")}, status=201)


@require_POST
@signed_in
@confirmed
@answered
def remove_passkey(request: PersonRequest, passkey_id: int) -> HttpResponseBase:
    passkeys.remove(request.person.user, passkey_id, actor=request.person.actor)
    messages.success(request, _("The passkey was removed. You may delete it on your device too."))
    return redirect("accounts:security")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@confirmed
@answered
def codes(request: PersonRequest) -> HttpResponseBase:
    """Turns one-time codes on: a secret to scan, a code to prove that it was, then the recovery codes."""
    user = request.person.user
    if one_time_codes.are_on(user):
        return redirect("accounts:security")
    if request.method != "POST":
        secret = one_time_codes.new_secret()
        request.session[_PENDING_SECRET] = seal(user.id, secret)
        return _codes_page(request, CodeForm(), secret)
    sealed = request.session.get(_PENDING_SECRET)
    if not isinstance(sealed, str):
        return redirect("accounts:codes")
    secret = unseal(sealed)[1]
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _codes_page(request, form, secret, status=422)
    try:
        attempts = limited(request, account=f"code:{user.pk}", method="code", email=user.email)
        recovery = one_time_codes.turn_on(user, secret, form.cleaned_data["code"], actor=request.person.actor)
    except (InvalidInput, TooMany) as error:
        form.add_error("code", str(error.message))
        return _codes_page(request, form, secret, status=error.status)
    take_back(*attempts)
    del request.session[_PENDING_SECRET]
    return render(request, "accounts/recovery_codes.html", {"codes": recovery, "is_new": True})


def _codes_page(request: PersonRequest, form: CodeForm, secret: str, *, status: int = 200) -> HttpResponse:
    adapter = MfaAdapter(request)
    drawing = adapter.build_totp_svg(adapter.build_totp_url(request.person.user, secret))
    context = {
        "form": form,
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "drawing": base64.b64encode(drawing.encode()).decode(),
    }
    return render(request, "accounts/codes.html", context, status=status)


@require_POST
@signed_in
@confirmed
@answered
def codes_off(request: PersonRequest) -> HttpResponseBase:
    one_time_codes.turn_off(request.person.user, actor=request.person.actor)
    messages.success(request, _("You are no longer asked for codes."))
    return redirect("accounts:security")


@require_POST
@signed_in
@confirmed
@answered
def recovery_codes(request: PersonRequest) -> HttpResponseBase:
    """New recovery codes, shown this once."""
    made = one_time_codes.make_recovery_codes(request.person.user, actor=request.person.actor)
    return render(request, "accounts/recovery_codes.html", {"codes": made})


@require_POST
@signed_in
@answered
def end_session(request: PersonRequest, session_id: int) -> HttpResponseBase:
    sessions.end_session(request.person.user, session_id, actor=request.person.actor)
    messages.success(request, _("That session is over."))
    return redirect("accounts:security")


@require_POST
@signed_in
def end_other_sessions(request: PersonRequest) -> HttpResponseBase:
    keep = request.session.session_key
    sessions.end_sessions(request.person.user, actor=request.person.actor, reason="others", keep_key=keep)
    messages.success(request, _("You are signed out everywhere but here."))
    return redirect("accounts:security")


@require_POST
@signed_in
@confirmed
def by_name(request: PersonRequest) -> HttpResponseBase:
    """A way to the same page under the name of this machine, where browsers allow passkeys."""
    elsewhere = passkeys.address_for_passkeys(request)
    if not elsewhere.startswith("http"):
        return redirect("accounts:security")
    link = make_sign_in_link(request.person.user, actor=request.person.actor, ttl_s=_HAND_OVER_S)
    path = link.removeprefix(settings.PUBLIC_URL)
    after = urlencode({"next": reverse("accounts:security")})
    return render(request, "accounts/by_name.html", {"href": f"{elsewhere}{path}?{after}"})
