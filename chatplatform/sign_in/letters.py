"""What the platform's messages say, in their reader's language. Plain text, no pictures, nothing that reports back."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import override

from chatplatform.accounts.models import User
from chatplatform.privacy.mail_door import Letter


def sign_in_link(user: User, link: str, *, minutes: int) -> Letter:
    with override(user.language or settings.LANGUAGE_CODE):
        return Letter(
            user.email,
            _("Your sign-in link"),
            _(
                "Somebody, probably you, asked for a link to sign in to Chatplatform:\n\n%(link)s\n\n"
                "It works once, for %(minutes)d minutes. If it was not you, do nothing: without the link nobody "
                "comes in."
            )
            % {"link": link, "minutes": minutes},
        )


def invitation(email: str, link: str) -> Letter:
    with override(settings.LANGUAGE_CODE):
        return Letter(
            email,
            _("You are invited to Chatplatform"),
            _(
                "You are invited to chat here:\n\n%(link)s\n\n"
                "The link is meant for you alone and works once. If you did not expect it, do nothing."
            )
            % {"link": link},
        )


def test(email: str) -> Letter:
    return Letter(
        email,
        _("A test message"),
        _("Chatplatform can send mail: this message left %(address)s and has arrived.")
        % {"address": settings.PUBLIC_URL},
    )
