"""In which numbers a model computes: fewer bits are faster where the processor knows them, and a little less exact."""

from __future__ import annotations

from typing import Any, Literal, get_args

Precision = Literal["float32", "bfloat16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
"""The exact one first."""


def lower(model: Any, precision: Precision) -> None:
    """Make a SentenceTransformer compute so, in place. Raises what torch raises where it can't.

    Only what reads the text changes: pooling, and what follows it, stay in 32 bits.
    """
    import torch

    reader = model[0]
    if precision == "bfloat16":
        reader.bfloat16()
        reader.register_forward_hook(_in_float32)
    elif precision == "int8":
        torch.ao.quantization.quantize_dynamic(reader, {torch.nn.Linear}, dtype=torch.qint8, inplace=True)


def _in_float32(_reader: object, _given: object, found: dict[str, Any]) -> dict[str, Any]:
    floats = {
        name: value.float()
        for name, value in found.items()
        if hasattr(value, "is_floating_point") and value.is_floating_point()
    }
    return {**found, **floats}
