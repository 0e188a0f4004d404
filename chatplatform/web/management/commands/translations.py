"""Keep the translations complete."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Collect texts into the language files, compile them, or check that they are complete."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["extract", "compile", "check"])

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        try:
            from chatplatform.web.translations import LANGUAGES, Translations
        except ImportError as error:
            raise CommandError(
                f"{error.name} is not installed: pip install -r requirements/dev.txt"
            ) from error
        translations = Translations(settings.BASE_DIR)
        for language in LANGUAGES:
            if act == "extract":
                catalog = translations.update(language)
                missing = sum(1 for message in catalog if message.id and not message.string)
                self.stdout.write(f"{language}: {len(catalog)} texts, {missing} without translation")
            elif act == "compile":
                translations.compile(language)
                self.stdout.write(f"{language}: compiled")
            else:
                problems = translations.problems(language)
                if problems:
                    raise CommandError(f"{language}: {len(problems)} problems\n" + "\n".join(problems))
                self.stdout.write(f"{language}: complete")
