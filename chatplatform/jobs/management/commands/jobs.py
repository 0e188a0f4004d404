"""See background jobs, start them again, call them off."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError
from chatplatform.common.scope import all_workspaces
from chatplatform.jobs.models import JobState
from chatplatform.jobs.queries import JobView, job_list
from chatplatform.jobs.services import cancel, retry

ACTOR = Actor.system("command-line")


class Command(BaseCommand):
    help = "Lists background jobs, retries failed ones, cancels unfinished ones."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        listing = commands.add_parser("list", help="the newest jobs of all workspaces")
        listing.add_argument("--state", choices=JobState.values)
        listing.add_argument("--limit", type=int, default=50)
        for name, what in (("retry", "start failed or cancelled jobs again"), ("cancel", "call jobs off")):
            command = commands.add_parser(name, help=what)
            command.add_argument("ids", nargs="+", type=UUID, metavar="ID")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["command"] == "list":
            state = JobState(options["state"]) if options["state"] else None
            for job in job_list(state=state, limit=options["limit"]):
                self.stdout.write(_line(job))
            return
        act = retry if options["command"] == "retry" else cancel
        for job_id in options["ids"]:
            with all_workspaces("the operator may act on every workspace's jobs"):
                try:
                    act(job_id, actor=ACTOR)
                except PlatformError as error:
                    raise CommandError(f"{job_id}: {error.message}") from error
            self.stdout.write(f"{job_id}: done")


def _line(job: JobView) -> str:
    parts = [str(job.id), f"{job.created_at:%Y-%m-%d %H:%M:%S}", f"{job.state:<9}", job.kind]
    parts.append(f"{job.attempts}/{job.max_attempts}")
    if job.state == JobState.RUNNING:
        parts.append(f"{job.progress:.0%} {job.stage}".rstrip())
    if job.error_code:
        parts.append(f"{job.error_code} {job.error_type}".rstrip() + f": {job.error_message}")
    return "  ".join(parts)
