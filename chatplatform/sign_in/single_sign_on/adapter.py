"""How allauth's social sign-in behaves here: one provider, no sign-up form, our own judgement of who comes in."""

from __future__ import annotations

from typing import Any

from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from chatplatform.common.errors import NotAllowed
from chatplatform.sign_in.passwords import refuse
from chatplatform.sign_in.single_sign_on.http import ProviderSession
from chatplatform.sign_in.single_sign_on.people import follow, person_of
from chatplatform.sign_in.single_sign_on.protocol import SingleSignOnProvider, app, configured

_METHOD = "sso"


class SingleSignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """settings.SOCIALACCOUNT_ADAPTER names it."""

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        return [app()] if settings.SINGLE_SIGN_ON is not None else []

    def get_provider(
        self, request: HttpRequest, provider: Any, client_id: Any = None
    ) -> SingleSignOnProvider:
        return SingleSignOnProvider(request, app=app())

    def get_requests_session(self) -> ProviderSession:
        hosts = getattr(context.request, "single_sign_on_hosts", frozenset({configured().host}))
        return ProviderSession(hosts)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Decides who it is, before anything of the library's own could make somebody."""
        known = configured()
        try:
            with transaction.atomic():
                user = person_of(sociallogin, known)
                if not sociallogin.is_existing:
                    sociallogin.connect(request, user)
                follow(user, sociallogin.claims, known)
        except NotAllowed as error:
            email = sociallogin.claims.get("email")
            reason = error.code.rpartition(".")[2]
            refuse(request, email if isinstance(email, str) else "", method=_METHOD, reason=reason)
            raise ImmediateHttpResponse(self._page(request, str(error.message), error.status)) from error

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: Any = None,
    ) -> None:
        refuse(request, "", method=_METHOD, reason="not_proved")
        said = _("Single sign-on did not work out. Try again, or come in another way.")
        raise ImmediateHttpResponse(self._page(request, said, 401))

    def _page(self, request: HttpRequest, said: str, status: int) -> Any:
        from chatplatform.sign_in.views.entrance import sign_in_page

        return sign_in_page(request, refused=said, status=status)
