"""Pages of events, proofs, and the command that lists them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from chatplatform.audit.merkle import inclusion_holds
from chatplatform.audit.models import AuditEvent
from chatplatform.audit.queries import EventFilter, event_page, event_proof, platform_event_page
from chatplatform.audit.services import erase_details
from chatplatform.audit.signing import existing_public_key, signature_holds, signed_bytes
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now

WORKSPACE = UUID("33333333-3333-4333-8333-333333333333")
PERSON = UUID("11111111-1111-4111-8111-111111111111")


def test_pages_go_back_in_time_without_gaps(log: Callable[..., None]) -> None:
    seen: list[int] = []
    before = None
    while page := event_page(WORKSPACE, before=before, limit=8):
        seen += [event.id for event in page]
        before = page[-1].id
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 35


def test_another_workspace_sees_nothing(log: Callable[..., None]) -> None:
    assert event_page(uuid4()) == []


def test_filters(log: Callable[..., None]) -> None:
    erase_details(PERSON, actor=Actor.system("test"))
    everything = platform_event_page(limit=100)
    assert len(everything) == 36
    assert len(platform_event_page(matching=EventFilter(code="test.sample"), limit=100)) == 35
    assert len(platform_event_page(matching=EventFilter(code="test.samp"), limit=100)) == 0
    assert {
        event.actor.id for event in event_page(WORKSPACE, matching=EventFilter(actor_id=str(PERSON)))
    } == {str(PERSON)}
    assert len(event_page(WORKSPACE, matching=EventFilter(target_id="c-4"))) == 4
    assert event_page(WORKSPACE, matching=EventFilter(outcome="refused")) == []
    assert event_page(WORKSPACE, matching=EventFilter(since=now() + timedelta(hours=1))) == []
    assert event_page(WORKSPACE, matching=EventFilter(until=now() - timedelta(hours=1))) == []


def test_what_a_view_tells(log: Callable[..., None]) -> None:
    event = event_page(WORKSPACE, limit=1)[0]
    assert event.index == 34
    assert event.details == {"number": 4, "word": "bench"}
    assert event.actor.ip == "192.0.2.7"
    erase_details(PERSON, actor=Actor.system("test"))
    erased = event_page(WORKSPACE, limit=1)[0]
    assert (erased.erased, dict(erased.details), erased.actor.ip) == (True, {}, "")


def test_a_proof_shows_an_event_under_a_signed_root(log: Callable[..., None]) -> None:
    event = AuditEvent.objects.order_by("id")[12]
    proof = event_proof(event.id)
    assert proof is not None
    signed = proof.checkpoint
    assert inclusion_holds(proof.leaf_hash, proof.index, signed.size, proof.path, signed.root)
    key = existing_public_key()
    assert key is not None
    assert signature_holds(key, signed.signature, signed_bytes(signed.size, signed.root, signed.at))


def test_an_event_beyond_the_last_checkpoint_has_no_proof_yet(log: Callable[..., None]) -> None:
    newest = AuditEvent.objects.order_by("-id").first()
    assert newest is not None
    assert event_proof(newest.id) is None
    with pytest.raises(CommandError):
        call_command("audit", "prove", str(newest.id))
    assert event_proof(10**9) is None


def test_the_commands(log: Callable[..., None]) -> None:
    out = StringIO()
    call_command("audit", "list", "--workspace", str(WORKSPACE), "--limit", "3", stdout=out)
    lines = out.getvalue().splitlines()
    assert len(lines) == 3
    assert "test.sample.event by person" in lines[0]
    out = StringIO()
    call_command("audit", "list", "--json", "--limit", "2", "--code", "test", stdout=out)
    assert [json.loads(line)["index"] for line in out.getvalue().splitlines()] == [34, 33]
    out = StringIO()
    first = AuditEvent.objects.order_by("id").first()
    assert first is not None
    call_command("audit", "prove", str(first.id), stdout=out)
    proof = json.loads(out.getvalue())
    assert inclusion_holds(
        base64.b64decode(proof["leaf_hash"]),
        proof["index"],
        proof["checkpoint"]["size"],
        [base64.b64decode(node) for node in proof["path"]],
        base64.b64decode(proof["checkpoint"]["root"]),
    )
