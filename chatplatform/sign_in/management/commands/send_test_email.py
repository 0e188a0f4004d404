"""Send a test message, to see whether the mail server is set right."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError
from chatplatform.privacy.mail_door import send_mail
from chatplatform.sign_in import letters


class Command(BaseCommand):
    help = "Send a test message to ADDRESS by the mail server of CHATPLATFORM_EMAIL_URL."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address")

    def handle(self, *args: Any, address: str, **options: Any) -> None:
        try:
            validate_email(address)
        except ValidationError as error:
            raise CommandError(f"{address} is not an e-mail address.") from error
        try:
            send_mail(letters.test(address), purpose="test", actor=Actor.system("command"), workspace_id=None)
        except PlatformError as error:
            raise CommandError(str(error.message)) from error
        self.stdout.write(f"Sent to {address}.")
