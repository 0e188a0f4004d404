"""The Merkle tree against published vectors and against RFC 6962's own recursive definition."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.audit.merkle import (
    Frontier,
    consistency_holds,
    consistency_proof,
    inclusion_holds,
    inclusion_proof,
    leaf_hash,
    node_hash,
    tree_root,
)

VECTORS = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "merkle" / "testdata"
needs_vectors = pytest.mark.skipif(not VECTORS.exists(), reason="the published vectors are not here")

LEAVES = [
    leaf_hash(bytes.fromhex(text))
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOT_OF_8 = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def _decoded(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def _vectors(kind: str) -> list[object]:
    files = sorted((VECTORS / kind).rglob("*.json")) if VECTORS.exists() else []
    return [pytest.param(file, id=str(file.relative_to(VECTORS))) for file in files]


@needs_vectors
def test_the_published_vectors_are_all_there() -> None:
    assert len(_vectors("inclusion")) > 50
    assert len(_vectors("consistency")) > 50


@pytest.mark.parametrize("file", _vectors("inclusion"))
def test_inclusion_agrees_with_the_published_vectors(file: Path) -> None:
    case = json.loads(file.read_text())
    holds = inclusion_holds(
        _decoded(case["leafHash"]),
        case["leafIdx"],
        case["treeSize"],
        [_decoded(node) for node in case["proof"] or []],
        _decoded(case["root"]),
    )
    assert holds is not case["wantErr"], case["desc"]


@pytest.mark.parametrize("file", _vectors("consistency"))
def test_consistency_agrees_with_the_published_vectors(file: Path) -> None:
    case = json.loads(file.read_text())
    holds = consistency_holds(
        case["size1"],
        case["size2"],
        _decoded(case["root1"]),
        _decoded(case["root2"]),
        [_decoded(node) for node in case["proof"] or []],
    )
    assert holds is not case["wantErr"], case["desc"]


def test_known_roots() -> None:
    assert tree_root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert tree_root(LEAVES).hex() == ROOT_OF_8


def _defined_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(_defined_root(leaves[:k]), _defined_root(leaves[k:]))


@given(st.integers(1, 70))
def test_the_growing_root_is_the_defined_one(size: int) -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(size)]
    assert tree_root(leaves) == _defined_root(leaves)


@given(st.integers(1, 70), st.data())
def test_every_leaf_has_a_proof_that_fits_it_alone(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(size)]
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(leaves, index)
    assert inclusion_holds(leaves[index], index, size, proof, tree_root(leaves))
    assert not inclusion_holds(leaf_hash(b"another"), index, size, proof, tree_root(leaves))
    other = data.draw(st.integers(0, size - 1))
    assert inclusion_holds(leaves[index], other, size, proof, tree_root(leaves)) is (other == index)


@given(st.integers(1, 70), st.data())
def test_a_longer_tree_proves_that_it_begins_with_a_shorter(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(size)]
    old = data.draw(st.integers(1, size))
    proof = consistency_proof(leaves, old)
    new_root = tree_root(leaves)
    assert consistency_holds(old, size, tree_root(leaves[:old]), new_root, proof)
    assert not consistency_holds(old, size, leaf_hash(b"forged"), new_root, proof)


@given(st.integers(0, 70), st.integers(0, 30))
def test_a_stored_frontier_grows_as_if_it_had_never_been_stored(size: int, more: int) -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(size + more)]
    first = Frontier()
    for leaf in leaves[:size]:
        first.append(leaf)
    second = Frontier(first.size, first.pack())
    for leaf in leaves[size:]:
        second.append(leaf)
    assert (second.size, second.root()) == (size + more, tree_root(leaves))


def test_a_frontier_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Frontier(3, bytes(32))


def test_proofs_of_what_is_not_there_are_refused() -> None:
    with pytest.raises(IndexError):
        inclusion_proof(LEAVES, 8)
    with pytest.raises(IndexError):
        consistency_proof(LEAVES, 9)
    with pytest.raises(IndexError):
        consistency_proof(LEAVES, 0)
