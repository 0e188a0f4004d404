"""`manage.py audit`: verify, list, prove, and the catalogue of events."""

from __future__ import annotations

import base64
import json
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatplatform.audit.catalogue import catalogue_markdown
from chatplatform.audit.formats import event_fields
from chatplatform.audit.queries import EventFilter, EventView, event_page, event_proof, platform_event_page
from chatplatform.audit.verification import Report, verify

_PROGRESS_S = 2.0


class Command(BaseCommand):
    help = "Verify and read the audit log. `verify` ends with 0 when the log is intact and with 1 when it is not."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        _verify_arguments(actions.add_parser("verify", help="check the whole log for changes"))
        _list_arguments(actions.add_parser("list", help="show events, newest first"))
        prove = actions.add_parser("prove", help="print the proof that an event is in the log, as JSON")
        prove.add_argument("event", type=int, help="the event's number")
        actions.add_parser("catalogue", help="print every event type, as Markdown")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        getattr(self, f"_{action}")(**options)

    def _verify(self, *, witness: Path | None, public_key: Ed25519PublicKey | None, **options: Any) -> None:
        began = last_told = time.monotonic()

        def progress(done: int, total: int) -> None:
            nonlocal last_told
            if time.monotonic() - last_told >= _PROGRESS_S:
                last_told = time.monotonic()
                self.stderr.write(f"{done:,} of {total:,} events checked")

        report = verify(witness=witness, public_key=public_key, progress=progress)
        self._summary(report, time.monotonic() - began)
        if not report.intact:
            raise CommandError("the audit log is damaged: see docs/audit.md", returncode=1)

    def _summary(self, report: Report, seconds: float) -> None:
        self.stdout.write(
            f"{report.events:,} events checked in {seconds:.1f} s, {report.pending:,} awaiting their place; "
            f"{report.checkpoints:,} checkpoints, {report.witnessed:,} of them witnessed; "
            f"details of {report.erased:,} events erased."
        )
        for finding in report.findings:
            self.stdout.write(self.style.ERROR(f"{finding.damage.value}: {finding.message}"))
        more = report.counts.total() - len(report.findings)
        if more:
            self.stdout.write(self.style.ERROR(f"and {more:,} more"))
        if report.intact:
            words = "The log is intact."
            if report.events and not report.witnessed:
                words += " No checkpoint witnesses it yet."
            self.stdout.write(self.style.SUCCESS(words))

    def _list(self, *, workspace: UUID | None, as_json: bool, limit: int, **options: Any) -> None:
        matching = EventFilter(
            **{name: options[name] for name in ("code", "outcome", "actor_id", "target_id", "since", "until")}
        )
        if workspace:
            events = event_page(workspace, matching=matching, before=options["before"], limit=limit)
        else:
            events = platform_event_page(matching=matching, before=options["before"], limit=limit)
        for event in events:
            self.stdout.write(json.dumps(event_fields(event)) if as_json else _line(event))

    def _prove(self, *, event: int, **options: Any) -> None:
        proof = event_proof(event)
        if proof is None:
            raise CommandError("there is no checkpoint over this event yet, or no such event")
        signed = proof.checkpoint
        fields = {
            "event": event,
            "index": proof.index,
            "leaf_hash": _base64(proof.leaf_hash),
            "path": [_base64(node) for node in proof.path],
            "checkpoint": {
                "size": signed.size,
                "root": _base64(signed.root),
                "at": signed.at.astimezone(UTC).isoformat(timespec="microseconds"),
                "key_id": signed.key_id,
                "signature": _base64(signed.signature),
            },
        }
        self.stdout.write(json.dumps(fields, indent=2))

    def _catalogue(self, **options: Any) -> None:
        self.stdout.write(catalogue_markdown(), ending="")


def _verify_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--witness", type=Path, help="witness file; default: the configured one")
    parser.add_argument(
        "--public-key", type=_public_key, help="public key in base64; default: this machine's"
    )


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--workspace", type=UUID, help="id of a workspace; default: all, and events outside any"
    )
    parser.add_argument("--code", help="a code, or its beginning up to a dot: `chat.turn`")
    parser.add_argument("--outcome", choices=["ok", "refused", "failed"])
    parser.add_argument("--actor", dest="actor_id", help="id of who caused it")
    parser.add_argument("--target", dest="target_id", help="id of what was acted upon")
    parser.add_argument("--since", type=_moment, help="from this time on, such as 2026-01-31T08:00; UTC")
    parser.add_argument("--until", type=_moment, help="before this time")
    parser.add_argument("--before", type=int, help="older than the event with this number")
    parser.add_argument("--limit", type=int, default=50)
    parser.add_argument("--json", dest="as_json", action="store_true", help="one JSON object a line")


def _public_key(text: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _line(event: EventView) -> str:
    target = f" on {event.target_kind} {event.target_id}" if event.target_kind else ""
    details = "".join(f" {name}={value}" for name, value in event.details.items())
    outcome = "" if event.outcome == "ok" else f" [{event.outcome}]"
    erased = " (details erased)" if event.erased else ""
    moment = event.at.isoformat(timespec="milliseconds", sep=" ")
    return f"{event.id} {moment} {event.code}{outcome} by {event.actor.kind} {event.actor.id}{target}{details}{erased}"
