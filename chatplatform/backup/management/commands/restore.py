"""`manage.py restore`: put the state of a backup in the place of this installation's."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chatplatform.backup.restoring import restore_backup
from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError


class Command(BaseCommand):
    help = "Restore a backup. Everything is proved before anything is replaced; what was here is kept aside."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, help="the archive that `manage.py backup` wrote")
        parser.add_argument("--keys", type=Path, metavar="FILE", help="the archive of its keys")
        parser.add_argument(
            "--replace", action="store_true", help="restore over an installation that has data"
        )
        parser.add_argument(
            "--accept-unreadable",
            action="store_true",
            help="go on although conversations cannot be read then",
        )

    def handle(
        self,
        *args: Any,
        source: Path,
        keys: Path | None,
        replace: bool,
        accept_unreadable: bool,
        **options: Any,
    ) -> None:
        try:
            restored = restore_backup(
                source,
                keys_place=keys,
                replace=replace,
                accept_unreadable=accept_unreadable,
                actor=Actor.system("command"),
            )
        except PlatformError as error:
            raise CommandError(str(error.message)) from error
        self.stdout.write(
            f"Restored: everything committed before {restored.manifest.covers_until.isoformat()}."
        )
        if restored.readability.people:
            self.stdout.write(self.style.WARNING(restored.readability.explained()))
        if restored.readability.erased:
            self.stdout.write(
                f"{restored.readability.erased} people were erased since; their words stay unreadable."
            )
        for model in restored.missing_models:
            self.stdout.write(f"A model is missing: python manage.py models pull {model}")
        for path in restored.put_aside:
            self.stdout.write(f"Kept aside: {path}")
        self.stdout.write("Now check: python manage.py audit verify, then python manage.py doctor")
