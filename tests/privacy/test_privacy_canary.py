"""A canary in a text is in no byte on the disk; and the same search finds it once encryption is taken away."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection, connections

from chatplatform.common.actors import Actor
from chatplatform.privacy import data_keys
from chatplatform.privacy.content import encrypt_text
from chatplatform.privacy.data_keys import forget_all
from chatplatform.privacy.models import DataKey
from chatplatform.privacy.services import destroy_key
from chatplatform.privacy.subjects import Subject

pytestmark = [
    pytest.mark.django_db(databases=["default", "keys"], transaction=True),
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the bytes are on another machine"),
]
CANARY = "the tarn lies still: canary 8d1f0c 金丝雀"


@pytest.fixture(autouse=True)
def table_of_content() -> Iterator[None]:
    forget_all()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE canary_content (id integer PRIMARY KEY, data blob)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE canary_content")
    forget_all()


def _store(data: bytes) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO canary_content (data) VALUES (%s)", [data])


def _files() -> list[Path]:
    """The database files of both aliases with their write-ahead logs."""
    names = [Path(str(connections[alias].settings_dict["NAME"])) for alias in ("default", "keys")]
    return [file for name in names for file in name.parent.glob(f"{name.name}*") if file.is_file()]


def _on_disk(needle: bytes) -> list[str]:
    return [file.name for file in _files() if needle in file.read_bytes()]


def _canary_on_disk() -> list[str]:
    forms = [CANARY.encode(), CANARY.encode("utf-16-le"), CANARY.encode("unicode_escape")]
    forms += [base64.b64encode(forms[0])[:-4], forms[0].hex().encode(), CANARY.partition(" 金")[0].encode()]
    return [name for form in forms for name in _on_disk(form)]


def test_the_disk_holds_no_canary() -> None:
    subject = Subject.person(uuid4())
    _store(encrypt_text(subject, CANARY, context="message:1"))
    assert len(_files()) >= 2
    assert _canary_on_disk() == []


def test_without_encryption_the_same_search_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Identity:
        def __init__(self, key: bytes) -> None:
            pass

        def encrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
            return data + bytes(16)

    subject = Subject.person(uuid4())
    encrypt_text(subject, "x", context="message:0")
    forget_all()
    monkeypatch.setattr(data_keys, "AESGCM", Identity)
    _store(encrypt_text(subject, CANARY, context="message:1"))
    assert _canary_on_disk() != []


def test_no_key_is_on_the_disk_in_the_clear() -> None:
    subject = Subject.person(uuid4())
    encrypt_text(subject, "x", context="c")
    row = DataKey.objects.get(subject_id=subject.id)
    key = data_keys.master_keyring().unwrap(
        bytes(row.wrapped or b""), context=data_keys._wrapping_context(row)
    )
    assert _on_disk(bytes(row.wrapped or b"")) != []
    assert _on_disk(key) == []


def test_a_destroyed_key_leaves_no_bytes_behind() -> None:
    """Not even in the write-ahead log."""
    subject = Subject.person(uuid4())
    encrypt_text(subject, "x", context="c")
    wrapped = bytes(DataKey.objects.get(subject_id=subject.id).wrapped or b"")
    assert _on_disk(wrapped) != []
    destroy_key(subject, actor=Actor.system("test"))
    assert _on_disk(wrapped) == []
