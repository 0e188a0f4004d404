"""What was used, as CSV on the terminal."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from chatplatform.common.errors import PlatformError
from chatplatform.common.scope import workspace_scope
from chatplatform.usage import queries
from chatplatform.usage.export import usage_csv
from chatplatform.usage.management.commands.quotas import first_workspace


def day(text: str) -> date:
    """A day from the command line."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is no day: write it like 2026-05-31.") from error


class Command(BaseCommand):
    help = "Print what was used, as CSV: by day, person, assistant or model."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", type=UUID, help="its id; default: the first one")
        parser.add_argument("--by", choices=["day", "person", "assistant", "model"], default="day")
        parser.add_argument("--since", type=day, help="the first day, in UTC; default: 30 days ago")
        parser.add_argument("--until", type=day, help="the last day, in UTC; default: today")

    def handle(
        self,
        *args: Any,
        workspace: UUID | None,
        by: Any,
        since: date | None,
        until: date | None,
        **options: Any,
    ) -> None:
        until = until or queries.today()
        since = since or until - timedelta(days=29)
        with workspace_scope(workspace or first_workspace()):
            try:
                for line in usage_csv(by, since, until):
                    self.stdout.write(line.lstrip("\ufeff"), ending="")
            except PlatformError as error:
                raise CommandError(str(error.message)) from error
