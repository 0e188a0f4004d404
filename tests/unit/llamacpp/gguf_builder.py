"""Writes small GGUF files, right ones and ones damaged in a chosen place."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

U32, BOOL, STRING, ARRAY, U64, F32 = 4, 7, 8, 9, 10, 6
FORMATS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", U32: "<I", 5: "<i", F32: "<f", BOOL: "<B", U64: "<Q"}


def text(value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def array(kind: int, values: list[bytes]) -> bytes:
    return struct.pack("<IQ", kind, len(values)) + b"".join(values)


@dataclass
class Key:
    name: str | bytes
    kind: int
    value: bytes

    def packed(self) -> bytes:
        return text(self.name) + struct.pack("<I", self.kind) + self.value


@dataclass
class Tensor:
    name: str | bytes = "output.weight"
    shape: tuple[int, ...] = (8, 4)
    kind: int = 0
    offset: int | None = None
    bytes: int = 128
    dimensions: int | None = None

    def packed(self, offset: int) -> bytes:
        dimensions = len(self.shape) if self.dimensions is None else self.dimensions
        sides = b"".join(struct.pack("<Q", side) for side in self.shape)
        return (
            text(self.name)
            + struct.pack("<I", dimensions)
            + sides
            + struct.pack("<IQ", self.kind, offset if self.offset is None else self.offset)
        )


def usual_keys() -> dict[str, Key]:
    keys = [
        Key("general.architecture", STRING, text("llama")),
        Key("llama.block_count", U32, struct.pack("<I", 2)),
        Key("llama.context_length", U32, struct.pack("<I", 128)),
        Key("llama.embedding_length", U32, struct.pack("<I", 8)),
        Key("llama.attention.head_count", U32, struct.pack("<I", 2)),
        Key("tokenizer.ggml.tokens", ARRAY, array(STRING, [text("a"), text("b")])),
        Key("tokenizer.chat_template", STRING, text("{{ messages }}")),
    ]
    return {str(key.name): key for key in keys}


@dataclass
class GGUFFile:
    """A right file as it comes; tests change one thing and write it."""

    magic: bytes = b"GGUF"
    version: int = 3
    keys: list[Key] = field(default_factory=lambda: list(usual_keys().values()))
    tensors: list[Tensor] = field(
        default_factory=lambda: [Tensor(), Tensor("norm.weight", (8,), 0, None, 32)]
    )
    n_keys: int | None = None
    n_tensors: int | None = None
    alignment: int = 32

    def packed(self) -> bytes:
        head = self.magic + struct.pack("<I", self.version)
        head += struct.pack("<Q", len(self.tensors) if self.n_tensors is None else self.n_tensors)
        head += struct.pack("<Q", len(self.keys) if self.n_keys is None else self.n_keys)
        head += b"".join(key.packed() for key in self.keys)
        offset, data = 0, b""
        for tensor in self.tensors:
            head += tensor.packed(offset)
            padded = -(-tensor.bytes // self.alignment) * self.alignment
            data += b"\1" * tensor.bytes + b"\0" * (padded - tensor.bytes)
            offset += padded
        return head + b"\0" * (-len(head) % self.alignment) + data

    def write(self, path: Path) -> Path:
        path.write_bytes(self.packed())
        return path

    def change(self, name: str, kind: int, value: bytes) -> None:
        """Replace a key, or add it."""
        self.keys = [key for key in self.keys if key.name != name] + [Key(name, kind, value)]
