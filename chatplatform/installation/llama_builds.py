"""Which build of llama.cpp fits a machine."""

from __future__ import annotations

from dataclasses import dataclass

from chatplatform.installation.machine import Machine

PREBUILT_INDEX = "https://abetlen.github.io/llama-cpp-python/whl"


@dataclass(frozen=True, slots=True)
class Build:
    """One way to get llama.cpp: from source with `cmake_args`, or ready made from the publisher's `index`."""

    id: str
    title: str
    cmake_args: str = ""
    index: str = ""

    @property
    def is_prebuilt(self) -> bool:
        return bool(self.index)


SOURCE_METAL = Build("source-metal", "built from source for Apple's GPU (Metal)", "-DGGML_METAL=on")
SOURCE_CPU = Build("source-cpu", "built from source for this processor")
PREBUILT_METAL = Build(
    "prebuilt-metal", "the publisher's wheel for Apple's GPU", index=f"{PREBUILT_INDEX}/metal"
)
PREBUILT_CPU = Build("prebuilt-cpu", "the publisher's wheel for any processor", index=f"{PREBUILT_INDEX}/cpu")


def choose_builds(machine: Machine) -> tuple[Build, ...]:
    """Builds to try, the best first. The first that installs and loads is kept; there is always one."""
    if machine.is_apple_silicon:
        source, prebuilt = SOURCE_METAL, PREBUILT_METAL
    else:
        source, prebuilt = SOURCE_CPU, PREBUILT_CPU
    if not machine.compiler:
        return (prebuilt,)
    if machine.cmake_args:
        own = Build(
            f"own {machine.cmake_args}",
            f"built from source with CMAKE_ARGS={machine.cmake_args}",
            machine.cmake_args,
        )
        return (own,)
    if machine.has_nvidia_gpu and machine.cuda_compiler:
        cuda = Build(
            "source-cuda",
            "built from source for NVIDIA GPUs (CUDA)",
            f"-DGGML_CUDA=on -DCMAKE_CUDA_COMPILER={machine.cuda_compiler}",
        )
        return (cuda, source, prebuilt)
    return (source, prebuilt)


def could_be_better(machine: Machine, tried: tuple[str, ...]) -> bool:
    """Whether this machine has a better build than those whose ids were `tried` when one was installed.

    A build that works is kept when its compiler goes away: a ready-made wheel is never better.
    """
    best = choose_builds(machine)[0]
    return not best.is_prebuilt and best.id not in tried


def hint(machine: Machine) -> str:
    """What would make the build better here, or nothing."""
    if not machine.compiler:
        return "No C++ compiler was found. With one, llama.cpp is built for this processor and is faster."
    if machine.has_nvidia_gpu and not machine.cuda_compiler:
        return (
            "An NVIDIA GPU is here, but no CUDA compiler. Install the CUDA toolkit and run again to use it."
        )
    return ""
