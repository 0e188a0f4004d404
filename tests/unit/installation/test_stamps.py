"""Stamps: a warm start knows what is installed without asking pip."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from chatplatform.installation import parts, stamps
from chatplatform.installation.llama_builds import choose_builds
from chatplatform.installation.machine import Machine
from chatplatform.installation.parts import PARTS
from chatplatform.installation.stamps import (
    Stamp,
    is_installed,
    mark_unfinished,
    read_stamp,
    wanted_digest,
    write_stamp,
)

MACHINE = Machine("Linux", "x86_64", compiler="/usr/bin/c++")


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "requirements"
    folder.mkdir()
    for name in PARTS:
        (folder / f"{name}.txt").write_text(f"{name}==1.0\n")
    monkeypatch.setattr(parts, "REQUIREMENTS", folder)
    return folder


def stamp(name: str, prefix: Path) -> None:
    part = PARTS[name]
    builds = tuple(build.id for build in choose_builds(MACHINE)) if name == "llm" else ()
    write_stamp(part, Stamp(wanted_digest(part), "done", builds), prefix=prefix)


def installed(name: str, prefix: Path, machine: Machine = MACHINE) -> bool:
    return is_installed(PARTS[name], prefix=prefix, machine=machine)


def test_nothing_is_installed_at_first(tmp_path: Path) -> None:
    assert not installed("base", tmp_path)


def test_a_stamp_counts_until_the_lock_changes(tmp_path: Path, locks: Path) -> None:
    stamp("base", tmp_path)
    assert installed("base", tmp_path)
    (locks / "base.txt").write_text("base==2.0\n")
    assert not installed("base", tmp_path)


def test_a_machine_that_can_build_better_builds_again(tmp_path: Path, locks: Path) -> None:
    stamp("llm", tmp_path)
    assert installed("llm", tmp_path)
    better = replace(MACHINE, cuda_compiler="/usr/bin/nvcc", has_nvidia_gpu=True)
    assert not installed("llm", tmp_path, better)


def test_a_build_that_works_is_kept_when_its_compiler_goes_away(tmp_path: Path, locks: Path) -> None:
    stamp("llm", tmp_path)
    assert installed("llm", tmp_path, replace(MACHINE, compiler=""))


def test_other_wishes_of_the_operator_build_again(tmp_path: Path, locks: Path) -> None:
    stamp("llm", tmp_path)
    assert not installed("llm", tmp_path, replace(MACHINE, cmake_args="-DGGML_VULKAN=on"))


def test_an_unfinished_installation_is_not_one_but_what_was_built_stays_known(
    tmp_path: Path, locks: Path
) -> None:
    stamp("llm", tmp_path)
    mark_unfinished(PARTS["llm"], prefix=tmp_path)
    assert not installed("llm", tmp_path)
    left = read_stamp(PARTS["llm"], prefix=tmp_path)
    assert left is not None
    assert "source-cpu" in left.builds


def test_other_parts_do_not_care_about_compilers(tmp_path: Path, locks: Path) -> None:
    stamp("base", tmp_path)
    assert installed("base", tmp_path, replace(MACHINE, compiler=""))


def test_a_damaged_stamp_counts_as_none(tmp_path: Path, locks: Path) -> None:
    stamp("base", tmp_path)
    (tmp_path / stamps.FOLDER / "base.json").write_text("{")
    assert read_stamp(PARTS["base"], prefix=tmp_path) is None
    assert not installed("base", tmp_path)


def test_looking_takes_milliseconds(tmp_path: Path) -> None:
    for name in PARTS:
        stamp(name, tmp_path)
    began = time.perf_counter()
    assert all(is_installed(part, prefix=tmp_path, machine=MACHINE) for part in PARTS.values())
    assert time.perf_counter() - began < 0.1
