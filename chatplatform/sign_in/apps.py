"""Sign-in app."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class SignInConfig(AppConfig):
    name = "chatplatform.sign_in"

    def ready(self) -> None:
        from chatplatform.accounts.signals import invitation_made
        from chatplatform.sign_in.arrivals import greet
        from chatplatform.sign_in.mail import mail_invitation

        invitation_made.connect(mail_invitation, dispatch_uid="sign_in.mail_invitation")
        user_logged_in.connect(greet, dispatch_uid="sign_in.greet")
