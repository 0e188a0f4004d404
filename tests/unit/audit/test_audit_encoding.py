"""The canonical bytes: fixed for ever, because every leaf ever made depends on them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from chatplatform.audit.encoding import EventRow, details_digest, encode_event

ROW = EventRow(
    id=7,
    at=datetime(2026, 1, 31, 8, 0, 0, 5, tzinfo=UTC),
    code="chat.turn.started",
    outcome="ok",
    actor_kind="person",
    actor_id="0b8f6c1e-1111-4222-8333-444455556666",
    workspace_id=UUID("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"),
    target_kind="turn",
    target_id="t-1",
    digest=bytes(range(32)),
)


def test_the_form_of_version_1_never_changes() -> None:
    assert encode_event(*ROW) == (
        b'["chatplatform-audit-v1",7,"2026-01-31T08:00:00.000005+00:00","chat.turn.started","ok","person",'
        b'"0b8f6c1e-1111-4222-8333-444455556666","aaaaaaaabbbb4ccc8dddeeeeeeeeeeee","turn","t-1",'
        b'"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"]'
    )


def test_one_moment_has_one_form_whatever_the_zone() -> None:
    elsewhere = ROW._replace(at=ROW.at.astimezone(timezone(timedelta(hours=8))))
    assert encode_event(*elsewhere) == encode_event(*ROW)


def test_every_column_counts() -> None:
    other = EventRow(
        8, ROW.at + timedelta(microseconds=1), "a.b", "failed", "system", "x", None, "y", "z", bytes(32)
    )
    for name in EventRow._fields:
        changed = ROW._replace(**{name: getattr(other, name)})
        assert encode_event(*changed) != encode_event(*ROW), name


@given(st.text(), st.text(), st.text(), st.text())
def test_neighbouring_columns_cannot_run_into_each_other(a: str, b: str, c: str, d: str) -> None:
    one = encode_event(*ROW._replace(target_kind=a, target_id=b))
    other = encode_event(*ROW._replace(target_kind=c, target_id=d))
    assert (one == other) is ((a, b) == (c, d))


def test_the_digest_needs_its_salt() -> None:
    assert details_digest(b"s" * 16, "10.0.0.1", "{}") != details_digest(b"t" * 16, "10.0.0.1", "{}")
    assert details_digest(b"s" * 16, "10.0.0.1", "{}") != details_digest(b"s" * 16, "10.0.0.12", "{}")
