"""Reading locked requirements."""

from __future__ import annotations

import pytest

from chatplatform.installation import lockfile
from chatplatform.installation.parts import LLAMA_PACKAGE, PARTS

LOCK = """\
Foo_Bar==1.2 ; python_version < '3.12' \\
    --hash=sha256:aa \\
    --hash=sha256:bb
baz==3.0.post1 \\
    --hash=sha256:cc
"""


def test_blocks_keep_markers_and_hashes() -> None:
    found = lockfile.blocks(LOCK)
    assert list(found) == ["foo-bar", "baz"]
    assert "sha256:bb" in found["foo-bar"]
    assert "".join(found.values()) == LOCK


def test_version_of_a_block() -> None:
    assert lockfile.version(lockfile.blocks(LOCK)["baz"]) == "3.0.post1"
    with pytest.raises(ValueError, match="not a locked package"):
        lockfile.version("    --hash=sha256:aa")


@pytest.mark.parametrize("name", [name for name, part in PARTS.items() if part.lock is not None])
def test_every_lock_has_hashes_for_every_package_and_none_installs_torch(name: str) -> None:
    lock = PARTS[name].lock
    assert lock is not None
    found = lockfile.blocks(lock.read_text())
    assert found
    assert all("--hash=sha256:" in block for block in found.values())
    assert "never" in found.get("torch", "never"), "torch is installed apart: its builds differ"


def test_llama_cpp_is_locked() -> None:
    lock = PARTS["llm"].lock
    assert lock is not None
    assert lockfile.version(lockfile.blocks(lock.read_text())[LLAMA_PACKAGE])
