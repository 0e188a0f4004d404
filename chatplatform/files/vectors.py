"""Vectors of passages as bytes, and how near a question comes to each."""

from __future__ import annotations

import math
import struct
import sys
from array import array
from collections.abc import Sequence
from operator import mul

MOST_VECTORS = 1200
_HEAD = struct.Struct("<4sII")
_MAGIC = b"VEC1"


def packed(vectors: Sequence[Sequence[float]]) -> bytes:
    """Normalised, in order, as float32 (little-endian)."""
    width = len(vectors[0]) if vectors else 0
    values = array("f")
    for vector in vectors:
        length = math.sqrt(sum(map(mul, vector, vector))) or 1.0
        values.extend(value / length for value in vector)
    if sys.byteorder == "big":
        values.byteswap()
    return _HEAD.pack(_MAGIC, len(vectors), width) + values.tobytes()


def nearness(data: bytes, question: Sequence[float]) -> list[float]:
    """The cosine of each vector with the question's; empty where they are not of one model."""
    if len(data) < _HEAD.size:
        return []
    magic, count, width = _HEAD.unpack_from(data)
    if magic != _MAGIC or width != len(question) or len(data) != _HEAD.size + 4 * count * width:
        return []
    values = array("f", data[_HEAD.size :])
    if sys.byteorder == "big":
        values.byteswap()
    length = math.sqrt(sum(map(mul, question, question))) or 1.0
    return [sum(map(mul, values[at : at + width], question)) / length for at in range(0, len(values), width)]
