"""The ways in: password, passkey, code, link. What each answers is the same for whoever is unknown here."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.internal.stagekit import clear_login
from allauth.account.models import Login
from allauth.account.stages import LoginStageController
from allauth.mfa.base.internal.flows import post_authentication
from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from chatplatform.accounts.person import person_of
from chatplatform.accounts.services import consume_sign_in_link, record_sign_out
from chatplatform.common.errors import InvalidInput, PlatformError, TooMany
from chatplatform.sign_in import mailed_links, passkeys
from chatplatform.sign_in.forms import AddressForm, CodeForm, SignInForm
from chatplatform.sign_in.limits import take_back
from chatplatform.sign_in.one_time_codes import use_code
from chatplatform.sign_in.passwords import Wrong, check_password, limited, may_come_in, refuse
from chatplatform.sign_in.stages import OneTimeCodeStage
from chatplatform.sign_in.views.page_strings import DATA
from chatplatform.sign_in.visitors import next_page, next_page_or_chat, own_page, visitor_of


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """GET shows every way in; POST is the one by password."""
    if person_of(request) is not None:
        return redirect(next_page_or_chat(request))
    if request.method != "POST":
        return sign_in_page(request)
    form = SignInForm(request.POST)
    if not form.is_valid():
        return sign_in_page(request, form=form, status=422)
    email = form.cleaned_data["email"]
    try:
        user = check_password(request, email, form.cleaned_data["password"])
    except Wrong as error:
        said = _("Address and password do not match. Try again, or come in another way.")
        return sign_in_page(
            request, form=SignInForm(initial={"email": email}), refused=said, status=error.status
        )
    except TooMany as error:
        return _too_many(sign_in_page(request, refused=str(error.message), status=error.status), error)
    clear_login(request)
    record_authentication(request, user, "password")
    response: HttpResponseBase = perform_login(
        request, Login(user=user, redirect_url=next_page_or_chat(request))
    )
    return response


def sign_in_page(
    request: HttpRequest, *, form: SignInForm | None = None, refused: str = "", status: int = 200
) -> HttpResponse:
    single_sign_on = settings.SINGLE_SIGN_ON
    context: dict[str, Any] = {
        "form": form or SignInForm(),
        "refused": refused,
        "next": next_page(request),
        "single_sign_on": single_sign_on.name if single_sign_on else "",
        "has_mail": settings.MAIL_SERVER is not None,
        "passkeys_at": passkeys.address_for_passkeys(request),
        "data": DATA,
    }
    return render(request, "accounts/sign_in.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def sign_in_code(request: HttpRequest) -> HttpResponseBase:
    """The second step of somebody who turned one-time codes on."""
    stage = LoginStageController.enter(request, OneTimeCodeStage.key)
    if stage is None or person_of(request) is not None:
        return redirect(next_page_or_chat(request) if person_of(request) else "accounts:sign_in")
    if request.method != "POST":
        return render(request, "accounts/sign_in_code.html", {"form": CodeForm()})
    form = CodeForm(request.POST)
    user = stage.login.user
    if not form.is_valid():
        return render(request, "accounts/sign_in_code.html", {"form": form}, status=422)
    try:
        attempts = limited(request, account=f"code:{user.pk}", method="code", email=user.email)
        found = use_code(user, form.cleaned_data["code"])
    except TooMany as error:
        form.add_error("code", str(error.message))
        return _too_many(render(request, "accounts/sign_in_code.html", {"form": form}, status=429), error)
    except PlatformError as error:
        form.add_error("code", str(error.message))
        return render(request, "accounts/sign_in_code.html", {"form": form}, status=error.status)
    if found is None or not may_come_in(user):
        refuse(request, user.email, method="code", reason="wrong" if found is None else "suspended")
        form.add_error("code", _("This code is not right. Wait for the next one and try again."))
        return render(request, "accounts/sign_in_code.html", {"form": form}, status=401)
    take_back(*attempts)
    post_authentication(request, found)
    response: HttpResponseBase = stage.exit()
    return response


@require_POST
@never_cache
def passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser needs to find a passkey; the challenge is kept in the session."""
    try:
        limited(request, account=f"passkey:{visitor_of(request).ip}", method="passkey", email="")
    except TooMany as error:
        return _too_many(_said(error), error)
    return JsonResponse(passkeys.begin_use())


@require_POST
@never_cache
def passkey(request: HttpRequest) -> HttpResponse:
    try:
        sent = passkeys.parse_used(request.body)
        found = passkeys.use(sent)
    except InvalidInput as error:
        refuse(request, "", method="passkey", reason="wrong")
        return _said(error)
    user = found.user
    if not may_come_in(user):
        refuse(request, user.email, method="passkey", reason="suspended")
        return _said(
            InvalidInput(
                "sign_in.passkey_refused",
                _("This passkey was not accepted. Try again, or come in another way."),
            )
        )
    clear_login(request)
    post_authentication(request, found, passwordless=True)
    after = own_page(sent.next) or reverse(settings.LOGIN_REDIRECT_URL)
    response = perform_login(request, Login(user=user, redirect_url=after))
    return JsonResponse({"next": response["Location"]})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def sign_in_link(request: HttpRequest, token: str) -> HttpResponseBase:
    """GET only asks, so that link previews and scanners of mail do not use the link up; POST signs in.

    These links come from whoever runs the machine or the workspace, so they ask for no code: they are the way back
    in when a phone is lost.
    """
    if request.method != "POST":
        return render(request, "accounts/sign_in_confirm.html", {"next": next_page(request)})
    try:
        user = consume_sign_in_link(token, actor=visitor_of(request))
    except InvalidInput as error:
        return sign_in_page(request, refused=str(error.message), status=error.status)
    clear_login(request)
    record_authentication(request, user, "link")
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return redirect(next_page_or_chat(request))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def mail_link(request: HttpRequest) -> HttpResponseBase:
    """Asks for a link by e-mail; the answer is the same whether the address is known or not."""
    if settings.MAIL_SERVER is None:
        return redirect("accounts:sign_in")
    if request.method != "POST":
        return render(request, "accounts/mail_link.html", {"form": AddressForm()})
    form = AddressForm(request.POST)
    if not form.is_valid():
        return render(request, "accounts/mail_link.html", {"form": form}, status=422)
    try:
        mailed_links.ask(form.cleaned_data["email"], actor=visitor_of(request))
    except TooMany as error:
        form.add_error("email", str(error.message))
        return _too_many(render(request, "accounts/mail_link.html", {"form": form}, status=429), error)
    return render(request, "accounts/mail_link.html", {"is_sent": True})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def mailed_link(request: HttpRequest, token: str) -> HttpResponseBase:
    """As `sign_in_link`, for links that went by e-mail: they prove a mailbox, so codes are asked for after them."""
    if request.method != "POST":
        return render(request, "accounts/sign_in_confirm.html", {})
    try:
        user = mailed_links.consume(token, request)
    except InvalidInput as error:
        return sign_in_page(request, refused=str(error.message), status=error.status)
    clear_login(request)
    record_authentication(request, user, "mail")
    response: HttpResponseBase = perform_login(
        request, Login(user=user, redirect_url=next_page_or_chat(request))
    )
    return response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    if person is not None:
        record_sign_out(person.user, actor=person.actor)
    logout(request)
    return redirect("accounts:sign_in")


def _said(error: PlatformError) -> JsonResponse:
    return JsonResponse({"code": error.code, "message": str(error.message)}, status=error.status)


def _too_many(response: HttpResponse, error: TooMany) -> HttpResponse:
    response["Retry-After"] = str(int(error.retry_after_s or 1) + 1)
    return response
