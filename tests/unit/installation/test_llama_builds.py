"""Which build of llama.cpp is chosen for which machine."""

from __future__ import annotations

from chatplatform.installation.llama_builds import choose_builds, hint
from chatplatform.installation.machine import Machine, look_at_machine

LINUX = {"system": "Linux", "architecture": "x86_64"}


def ids(machine: Machine) -> list[str]:
    return [build.id for build in choose_builds(machine)]


def test_compiler_alone_builds_for_the_processor_and_falls_back_to_a_wheel() -> None:
    assert ids(Machine(**LINUX, compiler="/usr/bin/c++")) == ["source-cpu", "prebuilt-cpu"]


def test_cuda_needs_compiler_cuda_compiler_and_gpu() -> None:
    machine = Machine(**LINUX, compiler="c++", cuda_compiler="/usr/local/cuda/bin/nvcc", has_nvidia_gpu=True)
    first, *others = choose_builds(machine)
    assert first.id == "source-cuda"
    assert "-DGGML_CUDA=on" in first.cmake_args
    assert "/usr/local/cuda/bin/nvcc" in first.cmake_args
    assert [build.id for build in others] == ["source-cpu", "prebuilt-cpu"]


def test_cuda_compiler_without_gpu_builds_for_the_processor() -> None:
    assert ids(Machine(**LINUX, compiler="c++", cuda_compiler="nvcc"))[0] == "source-cpu"


def test_gpu_without_cuda_compiler_builds_for_the_processor_and_says_what_is_missing() -> None:
    machine = Machine(**LINUX, compiler="c++", has_nvidia_gpu=True)
    assert ids(machine)[0] == "source-cpu"
    assert "CUDA toolkit" in hint(machine)


def test_apple_silicon_builds_for_metal() -> None:
    machine = Machine("Darwin", "arm64", compiler="/usr/bin/c++")
    assert ids(machine) == ["source-metal", "prebuilt-metal"]


def test_without_a_compiler_only_the_publishers_wheel_is_left() -> None:
    assert ids(Machine(**LINUX)) == ["prebuilt-cpu"]
    assert ids(Machine("Darwin", "arm64")) == ["prebuilt-metal"]
    assert "compiler" in hint(Machine(**LINUX))


def test_the_operators_own_arguments_are_obeyed() -> None:
    (build,) = choose_builds(Machine(**LINUX, compiler="c++", cmake_args="-DGGML_VULKAN=on"))
    assert build.cmake_args == "-DGGML_VULKAN=on"


def test_looking_finds_compilers_by_name_and_a_gpu_by_its_marks() -> None:
    here = {"c++": "/usr/bin/c++", "cc": "/usr/bin/cc", "nvcc": "/usr/bin/nvcc"}
    machine = look_at_machine(
        {}, which=here.get, exists=lambda path: path in {"/usr/bin/nvcc", "/dev/nvidia0"}
    )
    assert machine.compiler == "/usr/bin/c++"
    assert machine.cuda_compiler == "/usr/bin/nvcc"
    assert machine.has_nvidia_gpu


def test_a_named_compiler_counts_and_a_wrong_name_is_not_replaced_silently() -> None:
    here = {"clang++-17": "/opt/clang++-17", "c++": "/usr/bin/c++", "cc": "/usr/bin/cc"}
    assert look_at_machine({"CXX": "clang++-17 -m64"}, which=here.get).compiler == "/opt/clang++-17"
    assert look_at_machine({"CXX": "icpc"}, which=here.get).compiler == ""


def test_a_cpp_compiler_without_its_c_companion_is_none() -> None:
    assert look_at_machine({}, which={"g++": "/usr/bin/g++"}.get).compiler == ""


def test_cuda_is_found_where_its_variable_says() -> None:
    machine = look_at_machine(
        {"CUDA_HOME": "/opt/cuda-13"},
        which=lambda name: None,
        exists=lambda path: path == "/opt/cuda-13/bin/nvcc",
    )
    assert machine.cuda_compiler == "/opt/cuda-13/bin/nvcc"
