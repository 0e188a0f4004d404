"""OpenID Connect over allauth's flows, made strict: every token is verified, and answers our question only."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any
from urllib.parse import urlsplit

from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from chatplatform.environment.single_sign_on import SingleSignOn
from chatplatform.sign_in.single_sign_on.http import ProviderSession
from chatplatform.sign_in.single_sign_on.tokens import read_id_token

_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
# what we look at and where it may be missing from the ID token
_WANTED = ("email", "email_verified", "name")


def configured() -> SingleSignOn:
    """What the operator set. Asked only where single sign-on is on."""
    found = settings.SINGLE_SIGN_ON
    if found is None:
        raise RuntimeError("single sign-on is not set up")
    return found


def app() -> SocialApp:
    """The one provider, as allauth wants it; there are no rows of it."""
    known = configured()
    return SocialApp(
        provider="openid_connect",
        provider_id="single_sign_on",
        name=known.name,
        client_id=known.client_id,
        secret=known.client_secret,
        settings={"server_url": known.issuer, "oauth_pkce_enabled": True},
    )


class StrictAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth has no types
    """Discovery, tokens and user info of the configured provider."""

    nonce = ""

    def __init__(self, request: HttpRequest, provider_id: str = "single_sign_on") -> None:
        super().__init__(request, provider_id)
        self._hosts = {configured().host}

    def get_provider(self) -> SingleSignOnProvider:
        return SingleSignOnProvider(self.request, app=app())

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return f"{settings.PUBLIC_URL}{reverse('accounts:single_sign_on_callback')}"

    def session(self) -> ProviderSession:
        return ProviderSession(self._hosts)

    @property
    def openid_config(self) -> dict[str, Any]:
        if not hasattr(self, "_openid_config"):
            known = configured()
            with self.session() as session:
                answer = session.get(f"{known.issuer}/.well-known/openid-configuration")
                answer.raise_for_status()
                found = answer.json()
            if not isinstance(found, dict) or str(found.get("issuer", "")).rstrip("/") != known.issuer:
                raise OAuth2Error("issuer")
            if not all(isinstance(found.get(name), str) for name in _ENDPOINTS[:3]):
                raise OAuth2Error("discovery")
            # the provider may keep its parts on several hosts; it says which, over the connection just checked
            self._hosts |= {urlsplit(found[name]).hostname or "" for name in _ENDPOINTS if found.get(name)}
            self.request.single_sign_on_hosts = frozenset(self._hosts)
            self._openid_config: dict[str, Any] = found
        return self._openid_config

    def complete_login(self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any) -> SocialLogin:
        id_token = kwargs["response"].get("id_token")
        if not isinstance(id_token, str):
            raise OAuth2Error("id_token missing")
        with self.session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
        claims = read_id_token(
            id_token,
            keys=answer.json(),
            issuer=self.openid_config["issuer"],
            client_id=app.client_id,
            nonce=self.nonce,
        )
        wanted = (*_WANTED, configured().groups_claim)
        if "userinfo_endpoint" in self.openid_config and any(name not in claims for name in wanted):
            claims = self._with_userinfo(token.token, claims)
        login = self.get_provider().sociallogin_from_response(request, {"id_token": claims})
        login.claims = claims
        return login

    def _with_userinfo(self, access_token: str, claims: dict[str, Any]) -> dict[str, Any]:
        with self.session() as session:
            headers = {"authorization": f"Bearer {access_token}"}
            answer = session.get(self.openid_config["userinfo_endpoint"], headers=headers)
            answer.raise_for_status()
            more = answer.json()
        if not isinstance(more, dict) or more.get("sub") != claims["sub"]:
            raise OAuth2Error("userinfo")
        return {**more, **claims}


class SingleSignOnProvider(OpenIDConnectProvider):  # type: ignore[misc]
    """The provider of `app()`."""

    oauth2_adapter_class = StrictAdapter

    def extract_uid(self, data: dict[str, Any]) -> str:
        """A subject means something within its issuer only."""
        named = f"{configured().issuer}\0{data['id_token']['sub']}"
        return hashlib.sha256(named.encode(errors="replace")).hexdigest()

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Nothing is kept of what the provider says about a person."""
        return {}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[Any]:
        """Addresses are ours to judge (people.py), not the library's to match."""
        return []

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        return {}

    def begin(self, request: HttpRequest, next_url: str) -> HttpResponseBase:
        """Send the visitor to the provider with a question that only they, in this session, can bring an answer to."""
        nonce = secrets.token_urlsafe(24)
        response: HttpResponseBase = self.redirect(
            request,
            process="login",
            next_url=next_url,
            auth_params={"nonce": nonce},
            scope=["openid", "profile", "email"],
            nonce=nonce,
        )
        return response


class CallbackView(OAuth2CallbackView):  # type: ignore[misc]
    """Hands the nonce of the question to the adapter that reads the answer."""

    def _get_state(self, request: HttpRequest, provider: Any) -> tuple[Any, Any]:
        state, response = super()._get_state(request, provider)
        if state is not None:
            self.adapter.nonce = state.get("nonce", "")
        return state, response
