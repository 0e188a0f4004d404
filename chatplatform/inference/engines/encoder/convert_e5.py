"""Turn packed multilingual-e5-small weights into a folder that sentence-transformers loads.

    python -m chatplatform.inference.engines.encoder.convert_e5 INGREDIENTS FOLDER

Runs in a process of its own, because it needs numpy and nothing else of the platform does. The result is the
same to the byte everywhere, so the catalogue can name its SHA-256.

The packed file: `E5S1`, a version, seven integers of the shape, epsilon and block size; its own tokenizer,
not used here; then a directory of named tensors. Vectors are float32, matrices 4-bit blocks of 32 weights: a
float16 scale and 16 bytes, where byte j holds weight j in its low half and weight j + 16 in its high half,
each raised by 8. All numbers are little-endian.
"""

from __future__ import annotations

import json
import shutil
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

MAGIC = b"E5S1"
BLOCK_WEIGHTS = 32
BLOCK_BYTES = 18
FLOAT32, FOUR_BIT = 0, 1
MAX_TOKENS = 512

Array = npt.NDArray[np.float32]


class NotE5(ValueError):
    """The file is not what this converter reads."""


@dataclass(frozen=True)
class Shape:
    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    types: int


def read(data: memoryview) -> tuple[Shape, dict[str, Array]]:
    """The shape and the tensors by their packed names; raises NotE5."""
    if bytes(data[:4]) != MAGIC:
        raise NotE5("not a packed e5 file")
    version, hidden, layers, heads, feed_forward, vocabulary, positions, types = struct.unpack_from(
        "<8I", data, 4
    )
    _epsilon, block = struct.unpack_from("<fI", data, 36)
    if version != 1 or block != BLOCK_WEIGHTS:
        raise NotE5(f"version {version} with blocks of {block} cannot be read")
    shape = Shape(hidden, layers, heads, feed_forward, vocabulary, positions, types)
    return shape, dict(_tensors(data, _end_of_tokenizer(data)))


def _end_of_tokenizer(data: memoryview) -> int:
    """Skip the packed tokenizer: pieces with offsets and scores, then a table of character foldings."""
    pieces, *_special, text_bytes = struct.unpack_from("<5IQ", data, 44)
    position = 44 + struct.calcsize("<5IQ") + 4 * (pieces + 1) + 4 * pieces + text_bytes
    _foldings, table_bytes = struct.unpack_from("<2I", data, position)
    return int(position + 8 + table_bytes)


def _tensors(data: memoryview, position: int) -> Iterator[tuple[str, Array]]:
    (count,) = struct.unpack_from("<I", data, position)
    position += 4
    for _ in range(count):
        (name_bytes,) = struct.unpack_from("<H", data, position)
        position += 2
        name = bytes(data[position : position + name_bytes]).decode("ascii")
        position += name_bytes
        kind, weights, offset, size = struct.unpack_from("<BIQQ", data, position)
        position += struct.calcsize("<BIQQ")
        raw = data[offset : offset + size]
        if len(raw) != size:
            raise NotE5(f"{name} reaches beyond the end of the file")
        values = _four_bit(raw) if kind == FOUR_BIT else np.frombuffer(raw, dtype="<f4")
        if values.size != weights:
            raise NotE5(f"{name} has {values.size} weights and should have {weights}")
        yield name, values


def _four_bit(raw: memoryview) -> Array:
    blocks = np.frombuffer(raw, dtype=np.uint8).reshape(-1, BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    halves = blocks[:, 2:]
    weights = np.concatenate([halves & 0x0F, halves >> 4], axis=1).astype(np.float32) - 8.0
    values: Array = (weights * scales).reshape(-1)
    return values


_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


def _bert_name(packed: str) -> str:
    if packed in _EMBEDDING_NAMES:
        return _EMBEDDING_NAMES[packed]
    layer, part, kind = packed.split(".")
    suffix = "weight" if kind == "w" else "bias"
    return f"encoder.layer.{int(layer.removeprefix('l'))}.{_LAYER_NAMES[part]}.{suffix}"


def _bert_tensors(shape: Shape, packed: dict[str, Array]) -> dict[str, Array]:
    """The tensors under the names and in the shapes of a BERT encoder without pooler."""
    rows = {
        "word_embeddings.weight": shape.vocabulary,
        "position_embeddings.weight": shape.positions,
        "token_type_embeddings.weight": shape.types,
        "intermediate.dense.weight": shape.feed_forward,
    }
    tensors = {}
    for name, values in sorted(packed.items()):
        bert_name = _bert_name(name)
        is_vector = bert_name.endswith(".bias") or "LayerNorm" in bert_name
        if not is_vector:
            height = next((rows[end] for end in rows if bert_name.endswith(end)), shape.hidden)
            values = values.reshape(height, -1)
        tensors[bert_name] = np.ascontiguousarray(values)
    return tensors


def _write_safetensors(tensors: dict[str, Array], path: Path) -> None:
    """A safetensors file: length of the header, header in JSON, then the bytes of each tensor in turn.

    Written here rather than by its library, so that the bytes cannot change with the library's version.
    """
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, values in tensors.items():
        header[name] = {
            "dtype": "F32",
            "shape": list(values.shape),
            "data_offsets": [end, end + values.nbytes],
        }
        end += values.nbytes
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for values in tensors.values():
            file.write(values.astype("<f4", copy=False).data)


def _settings(shape: Shape) -> dict[str, object]:
    """The small files of the folder, by name."""
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_act": "gelu",
            "hidden_size": shape.hidden,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "intermediate_size": shape.feed_forward,
            "vocab_size": shape.vocabulary,
            "max_position_embeddings": shape.positions,
            "type_vocab_size": shape.types,
            "layer_norm_eps": 1e-12,
            "pad_token_id": 1,
            "hidden_dropout_prob": 0.1,
            "attention_probs_dropout_prob": 0.1,
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": MAX_TOKENS,
            "bos_token": "<s>",
            "eos_token": "</s>",
            "sep_token": "</s>",
            "cls_token": "<s>",
            "unk_token": "<unk>",
            "pad_token": "<pad>",
            "mask_token": "<mask>",
        },
        "sentence_bert_config.json": {"max_seq_length": MAX_TOKENS, "do_lower_case": False},
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
        "1_Pooling/config.json": {
            "word_embedding_dimension": shape.hidden,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
    }


def convert(ingredients: Path, folder: Path) -> None:
    """Write the model folder; raises NotE5 or OSError. What is in `folder` already is replaced."""
    shape, packed = read(memoryview((ingredients / "e5-small-q4.bin").read_bytes()))
    folder.mkdir(parents=True, exist_ok=True)
    _write_safetensors(_bert_tensors(shape, packed), folder / "model.safetensors")
    shutil.copyfile(ingredients / "tokenizer.json", folder / "tokenizer.json")
    for name, content in _settings(shape).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
