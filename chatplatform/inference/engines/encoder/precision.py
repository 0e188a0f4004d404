"""In which numbers a model computes: fewer bits are faster where the processor knows them, and a little less exact."""

from __future__ import annotations

from typing import Any, Literal, get_args

Precision = Literal["float32", "bfloat16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
"""The exact one first."""


def lower(reader: Any, precision: Precision) -> None:
    """Make what reads the text compute so, in place: the transformer of a model, without what follows it, which stays
    in 32 bits. Raises what torch raises where it can't.
    """
    import torch

    if precision == "bfloat16":
        reader.bfloat16()
        reader.register_forward_hook(_in_float32)
    elif precision == "int8":
        torch.ao.quantization.quantize_dynamic(reader, {torch.nn.Linear}, dtype=torch.qint8, inplace=True)


def _in_float32(_reader: object, _given: object, found: Any) -> Any:
    # in place: of a transformer alone, it is more than a dict
    for name, value in list(found.items()):
        if hasattr(value, "is_floating_point") and value.is_floating_point():
            found[name] = value.float()
    return found
