"""The converter, on a packed file of a few weights whose values are known."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest

HIDDEN, VOCABULARY, POSITIONS, TYPES = 32, 2, 3, 1


def _entry(name: str, kind: int, weights: int, offset: int, size: int) -> bytes:
    return struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", kind, weights, offset, size)


def _packed() -> bytes:
    header = b"E5S1" + struct.pack("<8I", 1, HIDDEN, 1, 1, HIDDEN, VOCABULARY, POSITIONS, TYPES)
    header += struct.pack("<fI", 1e-12, 32)
    pieces = [b"<s>", b"a"]
    text = b"".join(pieces)
    tokenizer = struct.pack("<5IQ", len(pieces), 0, 2, 1, 3, len(text))
    tokenizer += struct.pack("<3I", 0, 3, 4) + struct.pack("<2f", 0, -1) + text
    tokenizer += struct.pack("<2I", 1, 5) + b"table"
    # word 0: scale 0.5, weights -8 … 7 then 7 … -8; word 1: scale 2, all zero
    rising = bytes(low | (15 - low) << 4 for low in range(16))
    words = struct.pack("<e", 0.5) + rising + struct.pack("<e", 2.0) + b"\x88" * 16
    vector = struct.pack(f"<{HIDDEN}f", *range(HIDDEN))
    tensors = [("emb.word", 1, 2 * HIDDEN, words), ("emb.ln.b", 0, HIDDEN, vector)]
    directory_bytes = 4 + sum(len(_entry(name, 0, 0, 0, 0)) for name, *_ in tensors)
    offset = len(header) + len(tokenizer) + directory_bytes
    directory, data = struct.pack("<I", len(tensors)), b""
    for name, kind, weights, raw in tensors:
        directory += _entry(name, kind, weights, offset + len(data), len(raw))
        data += raw
    return header + tokenizer + directory + data


def _convert(folder: Path, packed: bytes) -> subprocess.CompletedProcess[str]:
    (folder / "e5-small-q4.bin").write_bytes(packed)
    (folder / "tokenizer.json").write_text("{}")
    module = "chatplatform.inference.engines.encoder.convert_e5"
    command = [sys.executable, "-m", module, str(folder), str(folder / "out")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_weights_are_unpacked_and_named(tmp_path: Path) -> None:
    assert _convert(tmp_path, _packed()).returncode == 0
    raw = (tmp_path / "out" / "model.safetensors").read_bytes()
    (length,) = struct.unpack_from("<Q", raw)
    header = json.loads(raw[8 : 8 + length])
    words = header["embeddings.word_embeddings.weight"]
    assert words["shape"] == [VOCABULARY, HIDDEN]
    start, end = words["data_offsets"]
    values = struct.unpack(f"<{(end - start) // 4}f", raw[8 + length + start : 8 + length + end])
    assert values[:16] == tuple((low - 8) * 0.5 for low in range(16))
    assert values[16:32] == tuple((7 - low) * 0.5 for low in range(16))
    assert set(values[32:]) == {0.0}
    assert header["embeddings.LayerNorm.bias"]["shape"] == [HIDDEN]
    assert json.loads((tmp_path / "out" / "config.json").read_text())["hidden_size"] == HIDDEN


@pytest.mark.parametrize("packed", [b"", b"GGUF" + bytes(100), _packed()[:-40]])
def test_another_or_damaged_file_is_refused(tmp_path: Path, packed: bytes) -> None:
    assert _convert(tmp_path, packed).returncode != 0
    assert not (tmp_path / "out" / "config.json").exists()
