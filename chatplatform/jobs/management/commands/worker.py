"""Run background jobs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatplatform.jobs.worker import WorkerProcess


class Command(BaseCommand):
    requires_system_checks = ()  # they load every page of the web process; `doctor` runs them
    help = "Runs background jobs and the platform's chores until it is told to stop (SIGTERM, Ctrl+C)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--concurrency", type=int, default=2, help="How many jobs run at once (2).")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["concurrency"] < 1:
            raise CommandError("--concurrency must be at least 1.")
        try:
            status = WorkerProcess(concurrency=options["concurrency"]).run()
        except OSError as error:
            raise CommandError(
                f"The broker's folder cannot be used: {error}. Free space or fix its rights."
            ) from error
        if status:
            raise CommandError("The worker ended early; its log says why.", returncode=status)
