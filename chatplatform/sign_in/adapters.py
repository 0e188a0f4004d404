"""How allauth's flows behave here: who comes in, what is recorded, how secrets are kept."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from chatplatform.accounts.models import User
from chatplatform.sign_in.arrivals import record_arrival
from chatplatform.sign_in.sealing import seal, unseal
from chatplatform.sign_in.visitors import address_of, next_page_or_chat


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """settings.ACCOUNT_ADAPTER names it."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_login_stages(self) -> list[str]:
        return ["chatplatform.sign_in.stages.OneTimeCodeStage"]

    def login(self, request: HttpRequest, user: User) -> None:
        with transaction.atomic():
            super().login(request, user)
            record_arrival(request, user)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return next_page_or_chat(request)

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request) or "0.0.0.0"  # noqa: S104

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        return redirect("accounts:sign_in")

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Our pages say what happened themselves."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        raise NotImplementedError("mail leaves by sign_in.mail only")

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Changes are in the audit log; messages about them are our own."""


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """settings.MFA_ADAPTER names it. Secrets are encrypted for their person, so that erasure ends them too."""

    def encrypt(self, text: str) -> str:
        return seal(context.request.user.id, text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)[1]

    def generate_authenticator_name(self, user: User, type: str) -> str:
        return _("Passkey")

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        host = context.request.get_host()
        return {"id": host.rpartition(":")[0] if _has_port(host) else host, "name": "Chatplatform"}

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, Any]:
        known: dict[str, Any] = super().get_public_key_credential_user_entity(user)
        return known | {"display_name": user.display_name or user.email}

    def _get_site_name(self) -> str:
        return "Chatplatform"


def _has_port(host: str) -> bool:
    return host.rpartition(":")[2].isdigit() and not host.endswith("]")
