"""Damaged model files without end: bytes changed at random, and sound files that say impossible things."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from pathlib import Path

from chatplatform.inference.engines.llamacpp.gguf import read_header
from chatplatform.inference.engines.llamacpp.gguf_types import TENSOR_TYPES
from tests.unit.llamacpp.gguf_builder import (
    ARRAY,
    BOOL,
    F32,
    STRING,
    U32,
    U64,
    GGUFFile,
    Key,
    Tensor,
    array,
    text,
)

WIDTH, HIDDEN, LAYERS = 32, 64, 2
NUMBERS = (0, 1, 2, 3, 7, 31, 32, 33, 255, 256, 65_535, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
LARGE_NUMBERS = (*NUMBERS, 1 << 32, 1 << 48, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
KEYS_WITH_NUMBERS = (
    *(
        "block_count",
        "context_length",
        "embedding_length",
        "feed_forward_length",
        "vocab_size",
        "expert_count",
    ),
    *("attention.head_count", "attention.head_count_kv", "attention.key_length", "attention.value_length"),
    *("rope.dimension_count", "expert_used_count", "attention.sliding_window"),
)
TOKENIZER_NUMBERS = ("bos_token_id", "eos_token_id", "unknown_token_id", "padding_token_id")
ARCHITECTURES = ("llama", "qwen2", "gemma2", "mamba", "phi3", "bert", "t5", "nonsense", "")


def sound_file() -> GGUFFile:
    """A tiny language model that llama.cpp really loads."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "\u2581a", "\u2581b"]
    kinds = [2, 3, 3, *[6] * 256, 1, 1]
    keys = [
        Key("general.architecture", STRING, text("llama")),
        _number("llama.block_count", LAYERS),
        _number("llama.context_length", 128),
        _number("llama.embedding_length", WIDTH),
        _number("llama.feed_forward_length", HIDDEN),
        _number("llama.attention.head_count", 2),
        _number("llama.attention.head_count_kv", 2),
        _number("llama.rope.dimension_count", WIDTH // 2),
        Key("llama.attention.layer_norm_rms_epsilon", F32, struct.pack("<f", 1e-5)),
        Key("tokenizer.ggml.model", STRING, text("llama")),
        Key("tokenizer.ggml.tokens", ARRAY, array(STRING, [text(token) for token in tokens])),
        Key("tokenizer.ggml.scores", ARRAY, array(F32, [struct.pack("<f", -n) for n in range(len(tokens))])),
        Key("tokenizer.ggml.token_type", ARRAY, array(5, [struct.pack("<i", kind) for kind in kinds])),
        _number("tokenizer.ggml.bos_token_id", 1),
        _number("tokenizer.ggml.eos_token_id", 2),
        _number("tokenizer.ggml.unknown_token_id", 0),
        Key("tokenizer.chat_template", STRING, text("{{ messages[0].content }}")),
    ]
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (WIDTH, len(tokens)),
        "output_norm.weight": (WIDTH,),
        "output.weight": (WIDTH, len(tokens)),
    }
    for layer in range(LAYERS):
        shapes |= {f"blk.{layer}.{name}_norm.weight": (WIDTH,) for name in ("attn", "ffn")}
        shapes |= {f"blk.{layer}.attn_{name}.weight": (WIDTH, WIDTH) for name in ("q", "k", "v", "output")}
        shapes |= {f"blk.{layer}.ffn_{name}.weight": (WIDTH, HIDDEN) for name in ("gate", "up")}
        shapes[f"blk.{layer}.ffn_down.weight"] = (HIDDEN, WIDTH)
    return GGUFFile(keys=keys, tensors=[_tensor(name, shape, 0) for name, shape in shapes.items()])


def _number(name: str, value: int) -> Key:
    return Key(name, U32, struct.pack("<I", value))


def _tensor(name: str | bytes, shape: tuple[int, ...], kind: int) -> Tensor:
    """A tensor whose size fits its shape and type."""
    weights = 1
    for side in shape:
        weights *= side
    size = TENSOR_TYPES[kind]
    return Tensor(name, shape, kind, None, weights // size.block * size.bytes)


def mutants(seed: int) -> Iterator[bytes]:
    """Mutants of the tiny model without end."""
    chance = random.Random(seed)
    whole = sound_file().packed()
    while True:
        if chance.random() < 0.5:
            yield said_wrong(chance).packed()
        else:
            yield damaged(whole, chance)


def damaged(whole: bytes, chance: random.Random) -> bytes:
    """The bytes of a file with some changed, moved, or cut off; mostly in its first part, the header."""
    data = bytearray(whole)
    for _change in range(chance.choice((1, 1, 1, 2, 3, 8, 30))):
        if not data:
            break
        at = chance.randrange(len(data) if chance.random() < 0.1 else min(len(data), 12_000))
        match chance.randrange(6):
            case 0 | 1:
                data[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            case 2:
                layout = chance.choice(("<I", "<Q"))
                number = chance.choice(LARGE_NUMBERS) & ((1 << 8 * struct.calcsize(layout)) - 1)
                data[at : at + struct.calcsize(layout)] = struct.pack(layout, number)
            case 3:
                del data[at : at + chance.choice((1, 2, 4, 8, 64, 1024))]
            case 4:
                end = at + chance.choice((1, 4, 8, 64, 1024))
                data[at:at] = data[at:end]
            case _:
                data[at ^ 1 if at ^ 1 < len(data) else at] ^= 1 << chance.randrange(8)
    if chance.random() < 0.1:
        del data[chance.randrange(len(data) + 1) :]
    return bytes(data)


def said_wrong(chance: random.Random) -> GGUFFile:
    """A file that is sound as GGUF and says of its model what cannot be."""
    file = sound_file()
    for _change in range(chance.choice((1, 1, 2, 4))):
        match chance.randrange(8):
            case 0 | 1:
                file.change(f"llama.{chance.choice(KEYS_WITH_NUMBERS)}", *_any_number(chance))
            case 2:
                file.change(f"tokenizer.ggml.{chance.choice(TOKENIZER_NUMBERS)}", *_any_number(chance))
            case 3:
                file.keys.pop(chance.randrange(len(file.keys)))
            case 4:
                _misshape(file, chance)
            case 5:
                file.tensors.pop(chance.randrange(len(file.tensors)))
            case 6:
                chance.shuffle(file.tensors)
            case _:
                _other_words(file, chance)
        if not file.keys or not file.tensors:
            return sound_file()
    return file


def _any_number(chance: random.Random) -> tuple[int, bytes]:
    """A GGUF type and a value of it: mostly a whole number, sometimes something else."""
    drawn = chance.random()
    if drawn < 0.6:
        return U32, struct.pack("<I", chance.choice(NUMBERS))
    if drawn < 0.8:
        return U64, struct.pack("<Q", chance.choice(LARGE_NUMBERS))
    if drawn < 0.85:
        return 5, struct.pack("<i", -chance.choice((1, 2, 1 << 31)))
    if drawn < 0.9:
        return F32, struct.pack("<f", chance.choice((float("nan"), float("inf"), -1.0, 1e38)))
    if drawn < 0.95:
        return BOOL, b"\1"
    return ARRAY, array(
        U32, [struct.pack("<I", chance.choice(NUMBERS)) for _ in range(chance.choice((0, 1, 2, 5)))]
    )


def _misshape(file: GGUFFile, chance: random.Random) -> None:
    place = chance.randrange(len(file.tensors))
    sides = [chance.choice((1, 2, 31, 32, 64, 256)) for _side in range(chance.choice((1, 2, 2, 3, 4)))]
    if chance.random() < 0.3:
        sides = sides[:2]
    kind = chance.choice([0, 1, *TENSOR_TYPES])
    sides[0] = max(sides[0], TENSOR_TYPES[kind].block)
    if sides[0] % TENSOR_TYPES[kind].block or _product(sides) > 65_536:
        sides = [TENSOR_TYPES[kind].block]
    file.tensors[place] = _tensor(file.tensors[place].name, tuple(sides), kind)


def _other_words(file: GGUFFile, chance: random.Random) -> None:
    match chance.randrange(5):
        case 0:
            file.change("general.architecture", STRING, text(chance.choice(ARCHITECTURES)))
        case 1:
            file.change(
                "tokenizer.ggml.model", STRING, text(chance.choice(("gpt2", "bert", "t5", "rwkv", "x", "")))
            )
        case 2:
            words = [
                text(chance.choice(("", "a", "a", "\0", "\u2581" * 50, "<0x0A>")))
                for _ in range(chance.choice((1, 300)))
            ]
            file.change("tokenizer.ggml.tokens", ARRAY, array(STRING, words))
        case 3:
            scores = [struct.pack("<f", float("nan"))] * chance.choice((0, 1, 261))
            file.change("tokenizer.ggml.scores", ARRAY, array(F32, scores))
        case _:
            kinds = [struct.pack("<i", chance.choice((-1, 0, 1, 7, 1 << 30)))] * chance.choice((0, 1, 261))
            file.change("tokenizer.ggml.token_type", ARRAY, array(5, kinds))


def _product(sides: list[int]) -> int:
    product = 1
    for side in sides:
        product *= side
    return product


def real_header(path: Path) -> bytes:
    """The first part of a real file: its header without the weights."""
    header = read_header(path)
    with path.open("rb") as file:
        return file.read(header.data_start)
