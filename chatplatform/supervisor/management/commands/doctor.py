"""`manage.py doctor`: check every part, say what is wrong and what to do."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from chatplatform.health.checks.catalogue import all_checks
from chatplatform.health.checks.findings import Check, Finding, Level, examine


class Command(BaseCommand):
    help = "Check every part. The exit status is 1 when there is a problem."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        found = []
        for check in all_checks():
            finding = examine(check)
            found.append((check, finding))
            if not options["json"]:
                self._show(check, finding)
        problems = [check.id for check, finding in found if finding.level is Level.PROBLEM]
        if options["json"]:
            self.stdout.write(_as_json(found))
        elif problems:
            self.stdout.write(_("\nProblems: %(count)d") % {"count": len(problems)})
        else:
            self.stdout.write(_("\nEverything is right."))
        if problems:
            raise SystemExit(1)

    def _show(self, check: Check, finding: Finding) -> None:
        styles = {
            Level.RIGHT: (self.style.SUCCESS, "✓"),
            Level.NOTICE: (self.style.WARNING, "!"),
            Level.PROBLEM: (self.style.ERROR, "✗"),
        }
        style, mark = styles[finding.level]
        self.stdout.write(f"{style(mark)} {check.title}: {finding.detail}")
        if finding.cure:
            self.stdout.write(f"  {finding.cure}")


def _as_json(found: list[tuple[Check, Finding]]) -> str:
    return json.dumps(
        {
            "checks": [
                {
                    "id": check.id,
                    "title": str(check.title),
                    "level": finding.level.value,
                    "detail": finding.detail,
                    "cure": finding.cure,
                }
                for check, finding in found
            ]
        },
        ensure_ascii=False,
        indent=2,
    )
