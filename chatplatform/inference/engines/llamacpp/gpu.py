"""Accelerators that the library can use, and how many of a model's layers go there."""

from __future__ import annotations

import ctypes
import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from chatplatform.inference.engines.llamacpp.native import llama
from chatplatform.installation.machine import look_at_machine

log = logging.getLogger(__name__)

_GPU, _INTEGRATED_GPU = 1, 2
SPARED_BYTES, SPARED_SHARE = 600_000_000, 0.05
"""Of a device's free memory this much stays free: for what is computed there, and for others."""

Wish = int | Literal["auto"]


@dataclass(frozen=True)
class Device:
    """`free_bytes` and `total_bytes` are of its own memory, or of the machine's where it has none."""

    name: str
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class GpuPlan:
    """`layers` of the model's layers go to the devices. `notice` says loudly what is not as it should be."""

    layers: int = 0
    notice: str = ""


def read_wish(text: str) -> Wish:
    """The setting: "auto" or a number. Raises ValueError."""
    return "auto" if text == "auto" else int(text)


def plan_layers(
    wish: Wish, *, layers: int, model_bytes: int, devices: tuple[Device, ...], machine_gpu: str
) -> GpuPlan:
    """How many layers to load onto `devices`: as wished, or as many as fit.

    `model_bytes` are weights and cache; `layers` those of the model, to which its output is added as one more.
    `machine_gpu` names an accelerator that the machine has, whether the library can use it or not.
    """
    if wish == 0:
        return GpuPlan()
    if not devices:
        if wish != "auto":
            return GpuPlan(
                notice=f"{wish} layers were wished on an accelerator, and this build of llama.cpp can use none: "
                "everything runs on the CPU"
            )
        if machine_gpu:
            return GpuPlan(
                notice=f"this machine has {machine_gpu}, and this build of llama.cpp cannot use it: "
                "everything runs on the CPU"
            )
        return GpuPlan()
    parts = layers + 1
    if wish != "auto":
        return GpuPlan(min(wish, parts))
    room = sum(
        max(0, device.free_bytes - SPARED_BYTES - int(device.total_bytes * SPARED_SHARE))
        for device in devices
    )
    fit = min(parts, room * parts // max(1, model_bytes))
    names = ", ".join(device.name for device in devices)
    if fit == 0:
        return GpuPlan(notice=f"no layer fits into the free memory of {names}: everything runs on the CPU")
    if fit < parts:
        return GpuPlan(fit, f"only {fit} of {parts} layers fit into the free memory of {names}")
    return GpuPlan(fit)


def machine_gpu() -> str:
    """What the machine has, by its files; empty when nothing is seen."""
    machine = look_at_machine()
    if machine.has_nvidia_gpu:
        return "an NVIDIA GPU"
    return "an Apple GPU" if machine.is_apple_silicon else ""


def devices() -> tuple[Device, ...]:
    """The GPUs that this build of the library can use, with what is free on them now."""
    registry, base = _libraries()
    if registry is None or base is None:
        return ()
    found = []
    for number in range(registry.ggml_backend_dev_count()):
        device = registry.ggml_backend_dev_get(number)
        if base.ggml_backend_dev_type(device) not in (_GPU, _INTEGRATED_GPU):
            continue
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        base.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
        name = base.ggml_backend_dev_description(device) or b""
        found.append(Device(name.decode("utf-8", "replace"), free.value, total.value))
    return tuple(found)


@cache
def _libraries() -> tuple[Any, Any]:
    """The registry of devices and the functions on them; llama_cpp binds neither. (None, None) without them."""
    folder = Path(llama().__file__).parent / "lib"
    try:
        registry, base = (_library(folder, name) for name in ("ggml", "ggml-base"))
        registry.ggml_backend_dev_count.restype = ctypes.c_size_t
        registry.ggml_backend_dev_get.restype = ctypes.c_void_p
        registry.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
        base.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
        base.ggml_backend_dev_type.restype = ctypes.c_int
        base.ggml_backend_dev_description.argtypes = [ctypes.c_void_p]
        base.ggml_backend_dev_description.restype = ctypes.c_char_p
        size = ctypes.POINTER(ctypes.c_size_t)
        base.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p, size, size]
        base.ggml_backend_dev_memory.restype = None
    except (OSError, AttributeError) as error:
        log.warning("The devices of llama.cpp cannot be listed (%s).", type(error).__name__)
        return None, None
    return registry, base


def _library(folder: Path, name: str) -> Any:
    """A library that llama_cpp has loaded already, by its name on this system. Raises OSError."""
    for candidate in (f"lib{name}.so", f"lib{name}.dylib", f"{name}.dll"):
        if (folder / candidate).exists():
            return ctypes.CDLL(str(folder / candidate))
    raise OSError(f"there is no library {name}")
