"""`manage.py backup`: copy everything that must be kept into one archive, while the platform runs."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chatplatform.backup.making import make_backup
from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError


class Command(BaseCommand):
    help = "Make a backup while everything runs. Keys go into a file of their own, or are left out."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("destination", type=Path, help="the archive to write; must not exist")
        parser.add_argument(
            "--keys",
            type=Path,
            metavar="FILE",
            help="write the key store and secrets here, to be kept elsewhere",
        )

    def handle(self, *args: Any, destination: Path, keys: Path | None, **options: Any) -> None:
        try:
            made = make_backup(destination, keys_place=keys, actor=Actor.system("command"))
        except PlatformError as error:
            raise CommandError(str(error.message)) from error
        self.stdout.write(f"{made.place}: {made.bytes / 2**20:.1f} MB, SHA-256 {made.sha256}")
        self.stdout.write(f"It holds everything committed before {made.covers_until.isoformat()}.")
        if made.vectors == "elsewhere":
            self.stdout.write("Vectors lie on a Chroma server of their own: back it up there.")
        if made.keys_place is None:
            self.stdout.write(
                "Keys are not in it. Without them nobody can read conversations: use --keys too."
            )
        else:
            self.stdout.write(
                f"{made.keys_place}: keep it elsewhere, and let it expire first. "
                "The master key is in neither: keep that apart as well."
            )
