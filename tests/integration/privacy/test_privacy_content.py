"""Content: only the right subject, context and key open it again."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatplatform.privacy.content import (
    OVERHEAD_BYTES,
    ContentErased,
    ContentUnreadable,
    decrypt_text,
    encrypt_text,
)
from chatplatform.privacy.subjects import Subject

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

CANARY = "canary-7f3a 金丝雀"


@given(text=st.text(st.characters(), max_size=50), context=st.text())
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_goes_in_comes_out(subject: Subject, text: str, context: str) -> None:
    assert decrypt_text(subject, encrypt_text(subject, text, context=context), context=context) == text


def test_half_a_pair_of_surrogates_comes_back_as_it_was(subject: Subject) -> None:
    assert decrypt_text(subject, encrypt_text(subject, "\ud83d", context="c"), context="c") == "\ud83d"


def test_the_stored_form(subject: Subject) -> None:
    one = encrypt_text(subject, CANARY, context="message:1")
    other = encrypt_text(subject, CANARY, context="message:1")
    assert len(one) == len(CANARY.encode()) + OVERHEAD_BYTES
    assert one[0] == 1
    assert one[1:17] == other[1:17]  # the key's id
    assert one[17:] != other[17:]
    assert b"canary" not in one


def test_another_place_person_or_byte_is_unreadable(subject: Subject) -> None:
    data = encrypt_text(subject, CANARY, context="message:1")
    stranger = Subject.person(uuid4())
    encrypt_text(stranger, "x", context="message:1")
    with pytest.raises(ContentUnreadable):
        decrypt_text(subject, data, context="message:2")
    with pytest.raises(ContentUnreadable):
        decrypt_text(stranger, data, context="message:1")
    for position in (0, 1, 20, len(data) - 1):
        damaged = bytearray(data)
        damaged[position] ^= 1
        with pytest.raises(ContentUnreadable):
            decrypt_text(subject, bytes(damaged), context="message:1")
    for length in (0, 1, 16, 44):
        with pytest.raises(ContentUnreadable):
            decrypt_text(subject, data[:length], context="message:1")


def test_a_person_and_a_workspace_of_one_id_have_keys_of_their_own() -> None:
    same_id = uuid4()
    data = encrypt_text(Subject.person(same_id), CANARY, context="x")
    encrypt_text(Subject.workspace(same_id), CANARY, context="x")
    with pytest.raises(ContentUnreadable):
        decrypt_text(Subject.workspace(same_id), data, context="x")


def test_errors_hold_no_content(subject: Subject) -> None:
    data = encrypt_text(subject, CANARY, context="message:1")
    with pytest.raises(ContentUnreadable) as raised:
        decrypt_text(subject, data, context="message:2")
    assert "canary" not in f"{raised.value!r} {raised.value.message}"
    assert str(ContentErased().message)
