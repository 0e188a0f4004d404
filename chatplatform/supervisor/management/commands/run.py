"""`manage.py run`: everything on one machine, set up and supervised."""

from __future__ import annotations

import asyncio
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from chatplatform.health.supervisor_lock import AlreadyRunning, supervisor_lock
from chatplatform.inference.model_files.model_choice import chosen_or_default
from chatplatform.supervisor import preflight
from chatplatform.supervisor.greeting import greeting
from chatplatform.supervisor.keeper_client import Keeper
from chatplatform.supervisor.log_writer import LogWriter
from chatplatform.supervisor.plan import plan
from chatplatform.supervisor.roster import roster
from chatplatform.supervisor.steps import Step
from chatplatform.supervisor.supervision import Supervision


class Command(BaseCommand):
    help = "Set up what is missing, start every process, and keep them running until Ctrl+C."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        folder = settings.DATA_DIR / "run"
        try:
            with supervisor_lock(folder / "supervisor.lock"), LogWriter() as log, Keeper() as keeper:
                asyncio.run(self._run(log, keeper))
        except AlreadyRunning as error:
            raise CommandError(
                f"The platform already runs on {settings.DATA_DIR} (process {error.pid}). "
                "Use that one, stop it, or set CHATPLATFORM_DATA_DIR to another folder."
            ) from error
        except preflight.CannotStart as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(
                f"The data folder {settings.DATA_DIR} cannot be used: {error.strerror}. "
                "Free some disk space, correct its rights, or set CHATPLATFORM_DATA_DIR to another folder."
            ) from error

    async def _run(self, log: LogWriter, keeper: Keeper) -> None:
        processes = roster()
        await preflight.check(processes)
        steps, preferred = await asyncio.to_thread(_wanted)

        async def greet() -> None:
            log.notice(await asyncio.to_thread(greeting))

        supervision = Supervision(
            steps,
            processes,
            status_path=settings.DATA_DIR / "run" / "status.json",
            preferred_model=preferred,
            log=log,
            keeper=keeper,
            greet=greet,
        )
        await supervision.run()
        log.notice("Stopped.")


def _wanted() -> tuple[tuple[Step, ...], str]:
    """The steps of the set-up, and the chat model that is wished for."""
    try:
        return plan(), chosen_or_default()["chat"].reference
    finally:
        connections.close_all()  # they are this thread's, which has no other use for them
