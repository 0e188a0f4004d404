"""Data keys: one a subject, made once, wrapped, destroyed for good; and nothing works without the master key."""

from __future__ import annotations

import base64
import os
import threading
import time
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections, transaction

from chatplatform.audit.errors import AuditUnavailable
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.privacy import data_keys, services
from chatplatform.privacy.content import ContentErased, KeysUnavailable, decrypt_text, encrypt_text
from chatplatform.privacy.data_keys import check_key_store, forget_all, is_erased
from chatplatform.privacy.models import DataKey, MasterKey
from chatplatform.privacy.pseudonyms import pseudonym
from chatplatform.privacy.services import destroy_key
from chatplatform.privacy.subjects import Subject

ACTOR = Actor.system("test")
BOTH = pytest.mark.django_db(databases=["default", "keys"])
BOTH_FOR_REAL = pytest.mark.django_db(databases=["default", "keys"], transaction=True)


def _master_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@BOTH
def test_a_subject_has_one_key(subject: Subject) -> None:
    for _ in range(3):
        encrypt_text(subject, "x", context="c")
        forget_all()
    row = DataKey.objects.get(subject_id=subject.id)
    assert row.wrapped is not None
    assert len(row.wrapped) == 1 + 12 + 32 + 16


@BOTH_FOR_REAL
def test_a_key_outlives_the_transaction_that_made_it(subject: Subject) -> None:
    with transaction.atomic():
        data = encrypt_text(subject, "kept", context="c")
        transaction.set_rollback(True)
    forget_all()
    assert decrypt_text(subject, data, context="c") == "kept"


@BOTH_FOR_REAL
def test_a_race_for_a_new_key_has_one_winner(subject: Subject) -> None:
    results: list[bytes] = []
    errors: list[Exception] = []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        try:
            forget_all()
            results.append(encrypt_text(subject, "x", context="c"))
        except Exception as error:  # noqa: BLE001
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert DataKey.objects.filter(subject_id=subject.id).count() == 1
    forget_all()
    assert {decrypt_text(subject, data, context="c") for data in results} == {"x"}


@BOTH
def test_reading_never_makes_a_key(subject: Subject) -> None:
    data = encrypt_text(subject, "x", context="c")
    DataKey.objects.all().delete()
    forget_all()
    with pytest.raises(KeysUnavailable) as raised:
        decrypt_text(subject, data, context="c")
    assert raised.value.code == "data_key_missing"
    assert not DataKey.objects.exists()


@BOTH
def test_a_destroyed_key_is_gone_for_good(subject: Subject) -> None:
    data = encrypt_text(subject, "x", context="c")
    assert not is_erased(subject)
    destroy_key(subject, actor=ACTOR)
    assert is_erased(subject)
    with pytest.raises(ContentErased):
        decrypt_text(subject, data, context="c")
    with pytest.raises(ContentErased):
        encrypt_text(subject, "y", context="c")
    assert DataKey.objects.get(subject_id=subject.id).wrapped is None
    destroy_key(subject, actor=ACTOR)
    events = AuditEvent.objects.filter(code__startswith="privacy.").order_by("id")
    assert list(events.values_list("code", "target_kind", "target_id")) == [
        (code, "person", str(subject.id))
        for code in ("privacy.key.destruction_started", "privacy.key.destroyed") * 2
    ]


@BOTH
def test_a_subject_without_a_key_can_be_erased_beforehand(subject: Subject) -> None:
    destroy_key(subject, actor=ACTOR)
    with pytest.raises(ContentErased):
        encrypt_text(subject, "x", context="c")


@BOTH
def test_what_another_process_destroyed_is_unreadable_within_seconds(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data_keys.CACHE_S <= 5
    monkeypatch.setattr(data_keys, "CACHE_S", 0.05)
    data = encrypt_text(subject, "x", context="c")
    monkeypatch.setattr(services, "forget", lambda subject: None)  # as if it happened elsewhere
    destroy_key(subject, actor=ACTOR)
    time.sleep(0.06)
    with pytest.raises(ContentErased):
        decrypt_text(subject, data, context="c")


@BOTH
def test_without_a_record_nothing_is_destroyed(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encrypt_text(subject, "x", context="c")

    def refuse(*args: object, **kwargs: object) -> None:
        raise AuditUnavailable

    monkeypatch.setattr(services, "record", refuse)
    with pytest.raises(AuditUnavailable):
        destroy_key(subject, actor=ACTOR)
    forget_all()
    assert decrypt_text(subject, data, context="c") == "x"


@BOTH_FOR_REAL
def test_a_key_is_not_destroyed_inside_a_transaction(subject: Subject) -> None:
    """It could not be undone if the transaction were."""
    with pytest.raises(RuntimeError), transaction.atomic():
        destroy_key(subject, actor=ACTOR)
    assert not is_erased(subject)


@BOTH
@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("", "master_key_missing"),
        ("not base64!", "master_key_malformed"),
        (base64.b64encode(b"short").decode(), "master_key_malformed"),
        (base64.b64encode(bytes(range(32))).decode(), "master_key_wrong"),
    ],
)
def test_without_the_right_master_key_nothing_works(
    subject: Subject, settings: Any, key: str, code: str
) -> None:
    data = encrypt_text(subject, "x", context="c")
    settings.MASTER_KEY = key
    attempts = (
        lambda: encrypt_text(subject, "x", context="c"),
        lambda: encrypt_text(Subject.person(uuid4()), "x", context="c"),
        lambda: decrypt_text(subject, data, context="c"),
        check_key_store,
    )
    for attempt in attempts:
        with pytest.raises(KeysUnavailable) as raised:
            attempt()
        assert raised.value.code == code
        assert str(raised.value.message)
    assert DataKey.objects.count() == 1


@BOTH
def test_the_first_master_key_is_the_one(settings: Any, subject: Subject) -> None:
    check_key_store()
    assert MasterKey.objects.count() == 1
    settings.MASTER_KEY = _master_key()
    with pytest.raises(KeysUnavailable):
        encrypt_text(subject, "x", context="c")
    assert not DataKey.objects.exists()


@BOTH
def test_a_key_in_anothers_row_is_refused(subject: Subject) -> None:
    stranger = Subject.person(uuid4())
    encrypt_text(subject, "x", context="c")
    encrypt_text(stranger, "x", context="c")
    taken = DataKey.objects.get(subject_id=subject.id).wrapped
    DataKey.objects.filter(subject_id=stranger.id).update(wrapped=taken)
    forget_all()
    with pytest.raises(KeysUnavailable) as raised:
        encrypt_text(stranger, "x", context="c")
    assert raised.value.code == "data_key_damaged"


@BOTH_FOR_REAL
def test_a_key_store_that_is_down_is_said_to_be(subject: Subject) -> None:
    with connections["keys"].cursor() as cursor:
        cursor.execute("ALTER TABLE privacy_datakey RENAME TO privacy_datakey_away")
    try:
        for attempt in (
            lambda: encrypt_text(subject, "x", context="c"),
            lambda: is_erased(subject),
            lambda: destroy_key(subject, actor=ACTOR),
            check_key_store,
        ):
            with pytest.raises(KeysUnavailable) as raised:
                attempt()
            assert raised.value.code == "key_store_unavailable"
    finally:
        with connections["keys"].cursor() as cursor:
            cursor.execute("ALTER TABLE privacy_datakey_away RENAME TO privacy_datakey")


@BOTH
def test_keys_live_in_their_own_database_alone(subject: Subject) -> None:
    encrypt_text(subject, "x", context="c")
    tables = set(connections["default"].introspection.table_names())
    key_tables = set(connections["keys"].introspection.table_names())
    assert {"privacy_datakey", "privacy_masterkey"} <= key_tables
    assert not any(table.startswith("privacy_") for table in tables)
    assert key_tables - {"django_migrations"} == {"privacy_datakey", "privacy_masterkey"}


def test_pseudonyms_are_stable_opaque_and_unlinkable(subject: Subject, settings: Any) -> None:
    name = pseudonym(subject, purpose="engine cache")
    assert name == pseudonym(subject, purpose="engine cache")
    assert len(name) == 32
    assert subject.id.hex not in name
    others = {
        pseudonym(subject, purpose="statistics"),
        pseudonym(Subject.workspace(subject.id), purpose="engine cache"),
        pseudonym(Subject.person(uuid4()), purpose="engine cache"),
    }
    assert len(others | {name}) == 4
    settings.MASTER_KEY = _master_key()
    assert pseudonym(subject, purpose="engine cache") != name
    settings.MASTER_KEY = ""
    with pytest.raises(KeysUnavailable):
        pseudonym(subject, purpose="engine cache")
