"""To the identity provider, and back."""

from __future__ import annotations

from urllib.parse import urlsplit

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chatplatform.accounts.person import person_of
from chatplatform.common.errors import TooMany
from chatplatform.sign_in.passwords import limited
from chatplatform.sign_in.single_sign_on.protocol import CallbackView, StrictAdapter
from chatplatform.sign_in.views.entrance import sign_in_page
from chatplatform.sign_in.visitors import address_of, next_page_or_chat


@require_safe
@never_cache
def begin(request: HttpRequest) -> HttpResponseBase:
    """A link, not a form: the Content-Security-Policy lets no form leave the site."""
    if settings.SINGLE_SIGN_ON is None:
        raise Http404
    if person_of(request) is not None:
        return redirect(next_page_or_chat(request))
    if request.get_host() != urlsplit(settings.PUBLIC_URL).netloc:
        # the provider sends people back to the public address, where this session is unknown
        return redirect(f"{settings.PUBLIC_URL}{reverse('accounts:sign_in')}")
    try:
        limited(request, account=f"sso:{address_of(request)}", method="sso", email="")
    except TooMany as error:
        return sign_in_page(request, refused=str(error.message), status=error.status)
    provider = StrictAdapter(request).get_provider()
    try:
        return provider.begin(request, next_page_or_chat(request))
    except OAuth2Error as error:
        answer: HttpResponseBase = render_authentication_error(request, provider, exception=error)
        return answer
    except ImmediateHttpResponse as answered:
        immediate: HttpResponseBase = answered.response
        return immediate


@require_safe
@never_cache
def callback(request: HttpRequest) -> HttpResponseBase:
    if settings.SINGLE_SIGN_ON is None:
        raise Http404
    response: HttpResponseBase = CallbackView.adapter_view(StrictAdapter(request))(request)
    return response
