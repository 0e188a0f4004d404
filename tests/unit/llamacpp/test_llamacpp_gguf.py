"""The GGUF pre-check: right files are read, every kind of damage is named, nothing else ever happens."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from chatplatform.inference.engines.llamacpp.gguf import DamagedModel, read_header
from tests.unit.llamacpp.gguf_builder import ARRAY, BOOL, STRING, U32, GGUFFile, Key, Tensor, array, text


def test_a_right_file_tells_about_its_model(tmp_path: Path) -> None:
    header = read_header(GGUFFile().write(tmp_path / "m.gguf"))
    assert header.architecture == "llama"
    assert header.context_tokens == 128
    assert header.chat_template == "{{ messages }}"
    assert [tensor.bytes for tensor in header.tensors] == [128, 32]
    assert header.cache_bytes_per_token == 2 * 8 * 2 * 2


def test_last_tensor_needs_no_padding(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    file = GGUFFile(tensors=[Tensor("a", (5,), 0, None, 20)])
    path.write_bytes(file.packed()[:-12])
    assert read_header(path).tensors[0].bytes == 20


def test_alignment_of_the_file_is_used(tmp_path: Path) -> None:
    file = GGUFFile(alignment=64)
    file.change("general.alignment", U32, struct.pack("<I", 64))
    header = read_header(file.write(tmp_path / "m.gguf"))
    assert header.data_start % 64 == 0


def _duplicate(file: GGUFFile) -> None:
    file.keys.append(file.keys[0])


def _without(name: str) -> Callable[[GGUFFile], None]:
    def change(file: GGUFFile) -> None:
        file.keys = [key for key in file.keys if key.name != name]

    return change


def _set(**fields: object) -> Callable[[GGUFFile], None]:
    def change(file: GGUFFile) -> None:
        for name, value in fields.items():
            setattr(file, name, value)

    return change


def _key(name: str, kind: int, value: bytes) -> Callable[[GGUFFile], None]:
    return lambda file: file.change(name, kind, value)


def _tensor(**fields: object) -> Callable[[GGUFFile], None]:
    def change(file: GGUFFile) -> None:
        for name, value in fields.items():
            setattr(file.tensors[0], name, value)

    return change


DAMAGE: dict[str, tuple[Callable[[GGUFFile], None], str]] = {
    "magic": (_set(magic=b"GGML"), "not a GGUF file"),
    "old version": (_set(version=1), "version 1 is not supported"),
    "future version": (_set(version=4), "version 4 is not supported"),
    "big-endian": (_set(version=0x03000000), "big-endian"),
    "no keys": (_set(n_keys=0), "number of metadata keys"),
    "too many keys": (_set(n_keys=1 << 40), "number of metadata keys"),
    "one key too many": (_set(n_keys=8), ""),
    "no tensors": (_set(n_tensors=0), "number of tensors"),
    "too many tensors": (_set(n_tensors=1 << 63), "number of tensors"),
    "key length": (lambda f: f.keys.append(Key("x" * 70_000, U32, b"\0" * 4)), "not possible"),
    "empty key": (lambda f: f.keys.append(Key("", U32, b"\0" * 4)), "has no name"),
    "key that is no text": (lambda f: f.keys.append(Key(b"\xff\xfe", U32, b"\0" * 4)), "is not text"),
    "duplicate key": (_duplicate, "occurs twice"),
    "value type": (_key("x", 13, b"\0" * 8), "Unknown type 13"),
    "entry type": (_key("x", ARRAY, array(99, [])), "Unknown type 99 of entries"),
    "nested array": (_key("x", ARRAY, array(ARRAY, [b"\0" * 12])), "Unknown type 9 of entries"),
    "array length": (_key("x", ARRAY, struct.pack("<IQ", U32, 1 << 60)), "not possible"),
    "text array length": (_key("x", ARRAY, struct.pack("<IQ", STRING, 1 << 60)), "not possible"),
    "text length": (_key("x", STRING, struct.pack("<Q", (1 << 64) - 1)), "not possible"),
    "bool": (_key("x", BOOL, b"\2"), "neither true nor false"),
    "alignment zero": (_key("general.alignment", U32, struct.pack("<I", 0)), "alignment"),
    "alignment odd": (_key("general.alignment", U32, struct.pack("<I", 48)), "alignment"),
    "alignment as text": (_key("general.alignment", STRING, text("32")), "alignment"),
    "no architecture": (_without("general.architecture"), "architecture"),
    "no layers": (_key("llama.block_count", U32, struct.pack("<I", 0)), "llama.block_count"),
    "no context": (_without("llama.context_length"), "llama.context_length"),
    "context of a few tokens": (_key("llama.context_length", U32, struct.pack("<I", 127)), "context_length"),
    "experts that nobody asks": (_key("llama.expert_count", U32, struct.pack("<I", 8)), "expert_used_count"),
    "more experts asked than there are": (
        _key("llama.expert_used_count", U32, struct.pack("<I", 1)),
        "expert_used_count",
    ),
    "too many experts": (_key("llama.expert_count", U32, struct.pack("<I", 4096)), "expert_count"),
    "no heads": (_key("llama.attention.head_count", U32, struct.pack("<I", 0)), "head_count"),
    "no vocabulary": (_without("tokenizer.ggml.tokens"), "vocabulary"),
    "no dimension": (_tensor(dimensions=0), "0 dimensions"),
    "too many dimensions": (_tensor(dimensions=5), "5 dimensions"),
    "side of zero": (_tensor(shape=(0, 4)), "shape"),
    "overflowing shape": (_tensor(shape=(1 << 40, 1 << 40)), "shape"),
    "unknown tensor type": (_tensor(kind=4), "unknown type 4"),
    "broken blocks": (_tensor(kind=2), "whole Q4_0 blocks"),
    "tensor name": (_tensor(name="x" * 64), "name of tensor"),
    "tensor without name": (_tensor(name=""), "no name of its own"),
    "two of a name": (_tensor(name="norm.weight"), "no name of its own"),
    "misplaced tensor": (_tensor(offset=32), "lies at 32 instead of 0"),
    "tensor beyond the end": (_tensor(offset=1 << 62), "instead of 0"),
    "larger than the file": (
        lambda f: f.tensors.__setitem__(1, Tensor("n", (1 << 30,), 0, None, 32)),
        "beyond",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_named(kind: str, tmp_path: Path) -> None:
    change, words = DAMAGE[kind]
    file = GGUFFile()
    change(file)
    with pytest.raises(DamagedModel) as caught:
        read_header(file.write(tmp_path / "m.gguf"))
    assert words in str(caught.value)
    assert caught.value.code == "damaged_model"


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    whole = GGUFFile().packed()
    path = tmp_path / "m.gguf"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedModel):
            read_header(path)


@pytest.mark.slow
def test_any_bytes_are_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    whole = GGUFFile().packed()
    path = tmp_path / "m.gguf"
    chance = random.Random(7)
    for _ in range(3000):
        data = bytearray(whole)
        for _change in range(chance.choice((1, 1, 2, 5, 20))):
            data[chance.randrange(len(data))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        if chance.random() < 0.2:
            del data[chance.randrange(len(data)) :]
        path.write_bytes(data)
        try:
            header = read_header(path)
        except DamagedModel:
            continue
        end = max(t.offset + t.bytes for t in header.tensors)
        assert header.data_start + end <= header.file_size
