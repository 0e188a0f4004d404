"""Looks into a GGUF file before llama.cpp does, and refuses what is damaged.

llama.cpp ends the process on some broken files. This reader checks every count, size and offset of the header
against the file in pure Python and reads no tensor data, so that a bad file becomes an error with a sentence.
The layout is that of the GGUF specification, versions 2 and 3, little-endian.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from chatplatform.common.errors import InvalidInput
from chatplatform.inference.engines.llamacpp.gguf_types import TENSOR_TYPES

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_HEADER_BYTES = 512 * 1024 * 1024
MAX_KEYS = 65_536
MAX_TENSORS = 1_000_000
MAX_KEY_BYTES = 65_535
MAX_STRING_BYTES = 16 * 1024 * 1024
MAX_NAME_BYTES = 63
MAX_DIMENSIONS = 4
DEFAULT_ALIGNMENT = 32
MAX_ALIGNMENT = 1 << 20
MIN_CONTEXT_TOKENS = 128
"""A context of fewer tokens has no room for what the engine reads to get to know a model."""
MAX_EXPERTS = 1024

_UINT32, _BOOL, _STRING, _ARRAY = 4, 7, 8, 9
_SCALARS: dict[int, struct.Struct] = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    _UINT32: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    _BOOL: struct.Struct("<B"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_U32 = _SCALARS[_UINT32]
_U64 = _SCALARS[10]
_BLOCK = 1024 * 1024


class DamagedModel(InvalidInput):
    """The file is not a usable GGUF model; the message says what is wrong with it."""

    def __init__(self, message: str) -> None:
        super().__init__("damaged_model", message)

    def __str__(self) -> str:
        return str(self.message)


@dataclass(frozen=True)
class ArrayInfo:
    """An array that was checked and skipped: its element type (GGUF's number) and length."""

    type: int
    count: int


MetadataValue = bool | int | float | str | ArrayInfo


@dataclass(frozen=True)
class TensorInfo:
    """`offset` and `bytes` in bytes; the offset counts from the header's `data_start`."""

    name: str
    shape: tuple[int, ...]
    type: str
    offset: int
    bytes: int


@dataclass(frozen=True)
class GGUFHeader:
    """What a checked file says about itself. Sizes in bytes."""

    version: int
    metadata: Mapping[str, MetadataValue]
    tensors: tuple[TensorInfo, ...]
    alignment: int
    data_start: int
    file_size: int

    @property
    def architecture(self) -> str:
        return str(self.metadata["general.architecture"])

    @property
    def chat_template(self) -> str | None:
        """The Jinja source of the chat template, if the file brings one."""
        template = self.metadata.get("tokenizer.chat_template")
        return template if isinstance(template, str) and template.strip() else None

    def number(self, name: str) -> int:
        """The architecture's integer `name`, such as "context_length"; 0 when absent or per layer."""
        value = self.metadata.get(f"{self.architecture}.{name}")
        return value if isinstance(value, int) else 0

    @property
    def context_tokens(self) -> int:
        """The context that the model was trained for, in tokens."""
        return self.number("context_length")

    @property
    def cache_bytes_per_token(self) -> int:
        """Upper estimate of the key and value cache of one token in 16-bit floats."""
        heads = self.number("attention.head_count") or 1
        kv_heads = self.number("attention.head_count_kv") or heads
        width = self.number("embedding_length") // heads
        key = self.number("attention.key_length") or width
        value = self.number("attention.value_length") or width
        return self.number("block_count") * kv_heads * (key + value) * 2


class _Reader:
    """Bounded sequential reading: never past the end of the file, never more than the header may be."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._buffer = b""
        self._start = 0
        self.position = 0

    def take(self, count: int, what: str) -> bytes:
        end = self.position + count
        if end > self._size:
            raise DamagedModel(f"The file ends in the middle of {what}: it is truncated or damaged.")
        if end > MAX_HEADER_BYTES:
            raise DamagedModel(f"The header is larger than {MAX_HEADER_BYTES} bytes.")
        offset = self.position - self._start
        if offset + count > len(self._buffer):
            rest = self._buffer[offset:]
            self._buffer = rest + self._file.read(max(_BLOCK, count - len(rest)))
            self._start, offset = self.position, 0
            if len(self._buffer) < count:
                raise DamagedModel(f"The file ends in the middle of {what}: it is truncated or damaged.")
        self.position = end
        return self._buffer[offset : offset + count]

    def skip(self, count: int, what: str) -> None:
        while count > 0:
            step = min(count, _BLOCK)
            self.take(step, what)
            count -= step

    def u32(self, what: str) -> int:
        return int(_U32.unpack(self.take(4, what))[0])

    def u64(self, what: str) -> int:
        return int(_U64.unpack(self.take(8, what))[0])

    def text(self, limit: int, what: str) -> bytes:
        length = self.u64(what)
        if length > limit:
            raise DamagedModel(f"The length of {what}, {length} bytes, is not possible.")
        return self.take(length, what)


def read_header(path: Path) -> GGUFHeader:
    """Check the header of the GGUF file at `path`.

    Raises DamagedModel with a sentence for people when it is not sound, OSError when it cannot be read.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        reader = _Reader(file, size)
        magic = reader.take(4, "the magic number")
        if magic != MAGIC:
            raise DamagedModel("This is not a GGUF file: it does not begin with GGUF.")
        version = reader.u32("the version")
        if version not in VERSIONS:
            hint = " It is written for big-endian machines." if version & 0xFFFF == 0 and version else ""
            raise DamagedModel(f"GGUF version {version} is not supported; 2 and 3 are.{hint}")
        n_tensors = reader.u64("the number of tensors")
        n_keys = reader.u64("the number of keys")
        if not 0 < n_tensors <= MAX_TENSORS:
            raise DamagedModel(f"The number of tensors, {n_tensors}, is not possible.")
        if not 0 < n_keys <= MAX_KEYS:
            raise DamagedModel(f"The number of metadata keys, {n_keys}, is not possible.")
        metadata = _metadata(reader, n_keys)
        alignment = _alignment(metadata)
        tensors = _tensors(reader, n_tensors, alignment)
        data_start = _padded(reader.position, alignment)
    for tensor in tensors:
        if data_start + tensor.offset + tensor.bytes > size:
            raise DamagedModel(
                f"The tensor {tensor.name!r} lies beyond the end of the file: it is truncated or damaged."
            )
    return GGUFHeader(version, MappingProxyType(metadata), tensors, alignment, data_start, size)


def _metadata(reader: _Reader, count: int) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {}
    for number in range(count):
        raw = reader.text(MAX_KEY_BYTES, f"the name of metadata key {number}")
        try:
            key = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise DamagedModel(f"The name of metadata key {number} is not text.") from None
        if not key:
            raise DamagedModel(f"Metadata key {number} has no name.")
        if key in metadata:
            raise DamagedModel(f"The metadata key {key[:80]!r} occurs twice.")
        metadata[key] = _value(reader, reader.u32("a value's type"), key)
    _require(metadata)
    return metadata


def _value(reader: _Reader, kind: int, key: str) -> MetadataValue:
    what = f"the value of {key[:80]!r}"
    if kind == _STRING:
        return reader.text(MAX_STRING_BYTES, what).decode("utf-8", errors="replace")
    if kind == _ARRAY:
        return _array(reader, what)
    layout = _SCALARS.get(kind)
    if layout is None:
        raise DamagedModel(f"Unknown type {kind} for {what}.")
    value = layout.unpack(reader.take(layout.size, what))[0]
    if kind == _BOOL:
        if value not in (0, 1):
            raise DamagedModel(f"{what[0].upper()}{what[1:]} is neither true nor false.")
        return bool(value)
    return int(value) if isinstance(value, int) else float(value)


def _array(reader: _Reader, what: str) -> ArrayInfo:
    kind = reader.u32(what)
    count = reader.u64(what)
    if kind == _STRING:
        if count * 8 > MAX_HEADER_BYTES:
            raise DamagedModel(f"{count} entries in {what} are not possible.")
        for _ in range(count):
            reader.text(MAX_STRING_BYTES, what)
        return ArrayInfo(kind, count)
    layout = _SCALARS.get(kind)
    if layout is None:
        raise DamagedModel(f"Unknown type {kind} of entries in {what}.")
    if count * layout.size > MAX_HEADER_BYTES:
        raise DamagedModel(f"{count} entries in {what} are not possible.")
    reader.skip(count * layout.size, what)
    return ArrayInfo(kind, count)


def _require(metadata: Mapping[str, MetadataValue]) -> None:
    """The keys that a language model cannot do without, so that their absence is said in words."""
    architecture = metadata.get("general.architecture")
    if not isinstance(architecture, str) or not architecture:
        raise DamagedModel("The file does not say which architecture its model has.")
    for name, least in (("block_count", 1), ("context_length", MIN_CONTEXT_TOKENS), ("embedding_length", 1)):
        value = metadata.get(f"{architecture}.{name}")
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise DamagedModel(f"The file has no usable {architecture}.{name}.")
    heads = metadata.get(f"{architecture}.attention.head_count")
    if isinstance(heads, int) and heads <= 0:
        raise DamagedModel(f"The file has no usable {architecture}.attention.head_count.")
    _require_experts(metadata, architecture)
    tokens = metadata.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, ArrayInfo) or tokens.type != _STRING or tokens.count == 0:
        raise DamagedModel("The file brings no vocabulary.")


def _require_experts(metadata: Mapping[str, MetadataValue], architecture: str) -> None:
    """Experts that fit together: the library ends the process on others. Their number may differ by layer."""
    experts = metadata.get(f"{architecture}.expert_count", 0)
    used = metadata.get(f"{architecture}.expert_used_count", 0)
    if not isinstance(experts, int) or not 0 <= experts <= MAX_EXPERTS:
        raise DamagedModel(f"The file has no usable {architecture}.expert_count.")
    if isinstance(used, int) and not (1 if experts else 0) <= used <= experts:
        raise DamagedModel(f"The file has no usable {architecture}.expert_used_count.")


def _alignment(metadata: Mapping[str, MetadataValue]) -> int:
    value = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if not isinstance(value, int) or not 0 < value <= MAX_ALIGNMENT or value & (value - 1):
        raise DamagedModel(f"The alignment {value!r} is not a power of two.")
    return value


def _tensors(reader: _Reader, count: int, alignment: int) -> tuple[TensorInfo, ...]:
    tensors: list[TensorInfo] = []
    names: set[str] = set()
    expected = 0
    for number in range(count):
        raw = reader.text(MAX_NAME_BYTES, f"the name of tensor {number}")
        name = raw.decode("utf-8", errors="replace")
        if not name or name in names:
            raise DamagedModel(f"Tensor {number} has no name of its own.")
        names.add(name)
        shape = _shape(reader, name)
        size = _tensor_bytes(reader, name, shape)
        offset = reader.u64(f"the place of tensor {name!r}")
        if offset != expected:
            raise DamagedModel(f"The tensor {name!r} lies at {offset} instead of {expected}.")
        expected = _padded(offset + size[1], alignment)
        tensors.append(TensorInfo(name, shape, size[0], offset, size[1]))
    return tuple(tensors)


def _shape(reader: _Reader, name: str) -> tuple[int, ...]:
    dimensions = reader.u32(f"the shape of tensor {name!r}")
    if not 0 < dimensions <= MAX_DIMENSIONS:
        raise DamagedModel(
            f"The tensor {name!r} has {dimensions} dimensions; 1 to {MAX_DIMENSIONS} are possible."
        )
    shape = tuple(reader.u64(f"the shape of tensor {name!r}") for _ in range(dimensions))
    if any(side == 0 for side in shape) or math.prod(shape) >= 1 << 63:
        raise DamagedModel(f"The shape of tensor {name!r} is not possible.")
    return shape


def _tensor_bytes(reader: _Reader, name: str, shape: tuple[int, ...]) -> tuple[str, int]:
    number = reader.u32(f"the type of tensor {name!r}")
    kind = TENSOR_TYPES.get(number)
    if kind is None:
        raise DamagedModel(f"The tensor {name!r} has the unknown type {number}.")
    if shape[0] % kind.block:
        raise DamagedModel(f"A row of tensor {name!r} is not made of whole {kind.name} blocks.")
    return kind.name, math.prod(shape) // kind.block * kind.bytes


def _padded(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment
