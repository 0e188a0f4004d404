"""Encrypted model files: what is inside comes back, and whatever was done to them is noticed."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatplatform.common.errors import PlatformError, Unavailable
from chatplatform.inference.model_files import encrypted_model
from chatplatform.inference.model_files.encrypted_model import (
    MAGIC,
    DamagedEncryptedModel,
    ModelKeyWrong,
    decrypt,
    encrypt,
    header_of,
    is_encrypted,
    opened,
    verify,
)
from chatplatform.privacy.errors import KeysUnavailable

CHUNK = 1000
CONTENT = b"GGUF" + os.urandom(3 * CHUNK + 17)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encrypted_model, "CHUNK_BYTES", CHUNK)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "m.gguf"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def sealed(plain: Path) -> Path:
    path = plain.with_name("m.gguf.encrypted")
    told: list[float] = []
    encrypt(plain, path, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    return path


def read(path: Path) -> bytes:
    with opened(path) as here:
        return here.read_bytes()


def test_what_was_encrypted_comes_back(sealed: Path, plain: Path) -> None:
    assert is_encrypted(sealed)
    assert CONTENT[4:20] not in sealed.read_bytes()
    header = header_of(sealed)
    assert (header.plain_bytes, header.plain_sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert read(sealed) == CONTENT
    assert verify(sealed)
    decrypt(sealed, plain.with_name("back.gguf"), lambda fraction: None)
    assert plain.with_name("back.gguf").read_bytes() == CONTENT
    assert sorted(path.name for path in plain.parent.iterdir()) == ["back.gguf", "m.gguf", "m.gguf.encrypted"]


def test_a_plain_file_is_opened_as_it_is(plain: Path) -> None:
    assert not is_encrypted(plain)
    with opened(plain) as here:
        assert here == plain


def test_it_is_opened_in_memory_and_gone_afterwards(sealed: Path) -> None:
    before = set(sealed.parent.iterdir())
    with opened(sealed) as here:
        assert "memfd:model" in os.readlink(here)
        assert set(sealed.parent.iterdir()) == before
    assert not os.path.exists(here) or "memfd:model" not in os.readlink(here)


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_every_length(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "m").write_bytes(content)
    encrypt(tmp_path / "m", tmp_path / "e", lambda fraction: None)
    assert read(tmp_path / "e") == content


def test_one_model_twice_looks_different(plain: Path, sealed: Path) -> None:
    again = plain.with_name("again")
    encrypt(plain, again, lambda fraction: None)
    assert again.read_bytes()[300:] != sealed.read_bytes()[300:]


def flipped(at: int) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        place = at % len(data)
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]

    return change


def begin_of_chunks(data: bytes) -> int:
    return len(data) - len(CONTENT) - 4 * 16


def swapped(data: bytes) -> bytes:
    begin, step = begin_of_chunks(data), CHUNK + 16
    chunks = [data[begin + n * step : begin + (n + 1) * step] for n in range(4)]
    return data[:begin] + b"".join([chunks[1], chunks[0], *chunks[2:]])


def shortened_honestly(data: bytes) -> bytes:
    """The last chunk left out and the header made to fit: the third was not the last when it was encrypted."""
    begin = begin_of_chunks(data)
    at = len(MAGIC) + 4
    whole = data[:at] + struct.pack(">Q", 3 * CHUNK) + data[at + 8 : begin]
    return whole + data[begin : begin + 3 * (CHUNK + 16)]


@pytest.mark.parametrize(
    "change",
    [
        *(flipped(at) for at in (5, 21, 25, 40, 70, 96, 100, 150, 1200, -1)),
        swapped,
        shortened_honestly,
        lambda data: data[:-1],
        lambda data: data[:-1033],
        lambda data: data + b"x",
        lambda data: data[: len(MAGIC) + 3],
    ],
)
def test_every_damage_is_noticed(sealed: Path, change: Callable[[bytes], bytes]) -> None:
    sealed.write_bytes(change(sealed.read_bytes()))
    if is_encrypted(sealed):
        with pytest.raises((DamagedEncryptedModel, ModelKeyWrong)), opened(sealed):
            pass
        with pytest.raises(PlatformError):
            decrypt(sealed, sealed.with_name("out"), lambda fraction: None)
        assert not sealed.with_name("out").exists()
    else:
        with pytest.raises(DamagedEncryptedModel):
            header_of(sealed)


def test_chunks_of_another_file_do_not_fit(plain: Path, sealed: Path) -> None:
    other = plain.with_name("other")
    encrypt(plain, other, lambda fraction: None)
    begin = begin_of_chunks(sealed.read_bytes())
    sealed.write_bytes(sealed.read_bytes()[:begin] + other.read_bytes()[begin:])
    assert not verify(sealed)


def test_another_master_key_is_named_as_the_cause(sealed: Path, settings: Any) -> None:
    settings.MASTER_KEY = base64.b64encode(bytes(32)).decode()
    with pytest.raises(ModelKeyWrong) as caught, opened(sealed):
        pass
    assert "another master key" in str(caught.value.message)
    settings.MASTER_KEY = ""
    with pytest.raises(KeysUnavailable), opened(sealed):
        pass


def test_where_memory_files_are_missing_it_is_refused(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with pytest.raises(Unavailable) as caught, opened(sealed):
        pass
    assert caught.value.code == "encrypted_models_unsupported"


def test_sabotage_without_authentication_damage_would_pass(
    sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test of damage means something: a cipher that checks nothing lets it through."""

    class Careless:
        def __init__(self, key: bytes) -> None: ...

        def decrypt(self, nonce: bytes, data: bytes, authenticated: bytes) -> bytes:
            return data[:-16]

    monkeypatch.setattr(encrypted_model, "AESGCM", Careless)
    sealed.write_bytes(flipped(-20)(sealed.read_bytes()))
    assert verify(sealed)
