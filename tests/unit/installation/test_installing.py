"""Installing a part, with a pip of our own that says what it was asked and fails where it is told to."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chatplatform.installation.failures import Failure, InstallationError
from chatplatform.installation.install import install
from chatplatform.installation.machine import Machine
from chatplatform.installation.parts import PARTS
from chatplatform.installation.stamps import read_stamp

PIP = """
import json, os, pathlib, sys
folder = pathlib.Path(__file__).parent
said = " ".join(sys.argv[1:])
wanted = "".join(pathlib.Path(a).read_text() for a in sys.argv if a.endswith("requirements.txt"))
call = {"arguments": said, "cmake": os.environ.get("CMAKE_ARGS"), "wanted": wanted}
with open(folder / "calls", "a") as file:
    file.write(json.dumps(call) + "\\n")
for sign, output in json.loads((folder / "failures").read_text()).items():
    if sign in said + str(call["cmake"]):
        print(output)
        sys.exit(1)
"""
OFFLINE = "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution"
LINUX = Machine("Linux", "x86_64", compiler="/usr/bin/c++")
CUDA = replace(LINUX, cuda_compiler="/usr/bin/nvcc", has_nvidia_gpu=True)


class Told:
    """A Progress that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def step(self, detail: str, fraction: float | None = None) -> None:
        self.said.append(detail)

    def say(self, line: str) -> None:
        self.said.append(line)

    def failed(self, failure: Failure) -> None:
        self.said.append(failure.code)


class FakePip:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.fail({})

    def fail(self, failures: dict[str, str]) -> None:
        """`failures` maps a part of pip's arguments or of CMAKE_ARGS to what pip then says before it fails."""
        (self._folder / "failures").write_text(json.dumps(failures))

    @property
    def calls(self) -> list[dict[str, Any]]:
        path = self._folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePip:
    modules = tmp_path / "modules"
    (modules / "pip").mkdir(parents=True)
    (modules / "pip" / "__init__.py").touch()
    (modules / "pip" / "__main__.py").write_text(PIP)
    for proof in {part.proof for part in PARTS.values()}:
        (modules / f"{proof}.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(modules))
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    found = subprocess.run(
        [sys.executable, "-c", "import pip; print(pip.__file__)"], stdout=-1, text=True, check=True
    )
    assert found.stdout.startswith(str(modules)), "the real pip must never be reached from here"
    return FakePip(modules / "pip")


def test_a_part_is_installed_with_hashes_and_only_once(pip: FakePip) -> None:
    for _ in range(2):
        install(PARTS["base"], Told(), machine=LINUX)
    (call,) = pip.calls
    assert "--require-hashes" in call["arguments"]
    assert "requirements/base.txt" in call["arguments"]


def test_llama_is_built_for_the_processor(pip: FakePip) -> None:
    told = Told()
    install(PARTS["llm"], told, machine=LINUX)
    others, llama = pip.calls
    assert "llama-cpp-python" not in others["wanted"]
    assert llama["wanted"].startswith("llama-cpp-python==")
    assert "--require-hashes" in llama["arguments"]
    assert "--force-reinstall" not in llama["arguments"]
    stamp = read_stamp(PARTS["llm"])
    assert stamp is not None
    assert stamp.detail == "built from source for this processor"
    assert any("built from source for this processor" in line for line in told.said)


def test_a_build_that_fails_gives_way_to_the_next(pip: FakePip) -> None:
    pip.fail({"GGML_CUDA": "nvcc fatal: Unsupported gpu architecture\nERROR: Failed building wheel for x"})
    install(PARTS["llm"], Told(), machine=CUDA)
    assert [call["cmake"] for call in pip.calls if "--verbose" in call["arguments"]][1] == ""
    stamp = read_stamp(PARTS["llm"])
    assert stamp is not None
    assert stamp.detail == "built from source for this processor"
    count = len(pip.calls)
    install(PARTS["llm"], Told(), machine=CUDA)
    assert len(pip.calls) == count, "what has failed is not tried at every start"


def test_a_better_build_replaces_a_lesser_one_without_the_cache(pip: FakePip) -> None:
    install(PARTS["llm"], Told(), machine=LINUX)
    install(PARTS["llm"], Told(), machine=CUDA)
    last = pip.calls[-1]
    assert "GGML_CUDA" in last["cmake"]
    assert "--force-reinstall" in last["arguments"]
    assert "--no-cache-dir" in last["arguments"]


def test_an_interrupted_change_of_build_is_made_good(pip: FakePip) -> None:
    install(PARTS["llm"], Told(), machine=LINUX)
    everything_fails = {"install": "ERROR: interrupted"}
    pip.fail(everything_fails)
    with pytest.raises(InstallationError):
        install(PARTS["llm"], Told(), machine=CUDA)
    pip.fail({})
    install(PARTS["llm"], Told(), machine=CUDA)
    assert "--force-reinstall" in pip.calls[-1]["arguments"]


def test_without_compiler_the_publishers_wheel_is_taken(pip: FakePip) -> None:
    told = Told()
    install(PARTS["llm"], told, machine=replace(LINUX, compiler=""))
    llama = pip.calls[-1]["arguments"]
    assert "https://abetlen.github.io/llama-cpp-python/whl/cpu" in llama
    assert "--only-binary :all:" in llama
    assert "--no-deps" in llama
    assert any("No C++ compiler" in line for line in told.said)


def test_without_compiler_and_without_the_publishers_index_a_compiler_is_asked_for(pip: FakePip) -> None:
    pip.fail({"abetlen": OFFLINE})
    with pytest.raises(InstallationError) as caught:
        install(PARTS["llm"], Told(), machine=replace(LINUX, compiler=""))
    assert caught.value.failure.code == "no_compiler"
    assert "build-essential" in caught.value.failure.cure


def test_torch_comes_from_its_own_index_or_else_from_the_usual_one(pip: FakePip) -> None:
    pip.fail({"download.pytorch.org": OFFLINE})
    install(PARTS["torch"], Told(), machine=LINUX)
    own, usual = pip.calls
    assert "--retries 0" in own["arguments"]
    assert "--index-url" not in usual["arguments"]


def test_a_full_disk_is_not_tried_elsewhere(pip: FakePip) -> None:
    pip.fail({"download.pytorch.org": "OSError: [Errno 28] No space left on device"})
    with pytest.raises(InstallationError) as caught:
        install(PARTS["torch"], Told(), machine=LINUX)
    assert caught.value.failure.code == "disk_full"
    assert len(pip.calls) == 1


def test_too_little_space_is_said_beforehand(pip: FakePip) -> None:
    with pytest.raises(InstallationError) as caught:
        install(replace(PARTS["base"], needs_bytes=10**18), Told(), machine=LINUX)
    assert caught.value.failure.code == "disk_full"
    assert pip.calls == []


def test_a_package_that_does_not_load_is_not_stamped(pip: FakePip) -> None:
    with pytest.raises(InstallationError) as caught:
        install(replace(PARTS["base"], proof="no_such_module"), Told(), machine=LINUX)
    assert caught.value.failure.code == "broken_package"
    assert read_stamp(PARTS["base"]) is None


def test_what_pip_said_last_is_shown(pip: FakePip) -> None:
    told = Told()
    pip.fail({"base.txt": "ERROR: the index is upside down"})
    with pytest.raises(InstallationError, match="upside down"):
        install(PARTS["base"], told, machine=LINUX)
    assert "ERROR: the index is upside down" in told.said
