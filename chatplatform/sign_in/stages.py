"""What stands between a right password and the chat."""

from __future__ import annotations

from allauth.account.stages import LoginStage
from allauth.mfa.webauthn.internal.flows import did_use_passwordless_login
from django.http import HttpResponseBase
from django.shortcuts import redirect

from chatplatform.sign_in.one_time_codes import are_on


class OneTimeCodeStage(LoginStage):  # type: ignore[misc]
    """Asks for a one-time code when the person has turned them on; a passkey is two factors by itself."""

    key = "one_time_code"
    urlname = "accounts:sign_in_code"

    def handle(self) -> tuple[HttpResponseBase | None, bool]:
        user = self.login.user
        if user is None or not are_on(user) or did_use_passwordless_login(self.request, user):
            return None, True
        return redirect(self.urlname), True
