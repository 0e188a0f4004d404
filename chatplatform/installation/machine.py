"""What this machine offers for building native code, by names and files: looking takes milliseconds."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

CUDA_COMPILER_PLACES = ("/usr/local/cuda/bin/nvcc", "/opt/cuda/bin/nvcc")
NVIDIA_GPU_MARKS = ("/proc/driver/nvidia/gpus", "/dev/nvidia0", "/usr/lib/wsl/lib/libcuda.so.1")


@dataclass(frozen=True, slots=True)
class Machine:
    """`compiler` and `cuda_compiler` are paths, or empty. `cmake_args` are the operator's own wishes."""

    system: str
    architecture: str
    compiler: str = ""
    cuda_compiler: str = ""
    has_nvidia_gpu: bool = False
    cmake_args: str = ""

    @property
    def is_apple_silicon(self) -> bool:
        return self.system == "Darwin" and self.architecture in {"arm64", "aarch64"}


def look_at_machine(
    environment: Mapping[str, str] | None = None,
    *,
    which: Callable[[str], str | None] = shutil.which,
    exists: Callable[[str], bool] = os.path.exists,
) -> Machine:
    """The machine this runs on. The arguments stand for it in tests."""
    values = os.environ if environment is None else environment
    return Machine(
        system=platform.system(),
        architecture=platform.machine(),
        compiler=_compiler(values, which),
        cuda_compiler=_cuda_compiler(values, which, exists),
        has_nvidia_gpu=any(exists(mark) for mark in NVIDIA_GPU_MARKS),
        cmake_args=values.get("CMAKE_ARGS", "").strip(),
    )


def _compiler(values: Mapping[str, str], which: Callable[[str], str | None]) -> str:
    """A C++ compiler with its C companion: CMake needs both."""
    cxx = next((path for name in _names(values, "CXX", "c++", "g++", "clang++") if (path := which(name))), "")
    cc = next((path for name in _names(values, "CC", "cc", "gcc", "clang") if (path := which(name))), "")
    return cxx if cc else ""


def _names(values: Mapping[str, str], variable: str, *usual: str) -> tuple[str, ...]:
    wished = values.get(variable, "").split()
    return (wished[0],) if wished else usual


def _cuda_compiler(
    values: Mapping[str, str], which: Callable[[str], str | None], exists: Callable[[str], bool]
) -> str:
    homes = [values[name] for name in ("CUDAToolkit_ROOT", "CUDA_HOME", "CUDA_PATH") if values.get(name)]
    places = [values.get("CUDACXX", ""), which("nvcc") or ""]
    places += [str(Path(home, "bin", "nvcc")) for home in homes]
    places += CUDA_COMPILER_PLACES
    return next((place for place in places if place and exists(place)), "")
