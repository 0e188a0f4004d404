"""llama.cpp keeps the contract that the scheduler builds on, and our numbers about it are right."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatplatform.inference.engines.llamacpp.gguf import read_header
from chatplatform.inference.engines.llamacpp.gguf_types import TENSOR_TYPES
from chatplatform.inference.engines.llamacpp.llama_context import LlamaContext
from chatplatform.inference.engines.llamacpp.model import LlamaModel, LoadFailed
from chatplatform.inference.engines.llamacpp.native import llama
from tests.unit.llamacpp.context_contract import ContextContract

pytestmark = [pytest.mark.model, pytest.mark.slow]


@pytest.fixture(scope="module")
def model(smollm2: Path) -> Iterator[LlamaModel]:
    loaded = LlamaModel(smollm2)
    yield loaded
    loaded.close()


class TestLlamaContext(ContextContract):
    @pytest.fixture
    def context(self, model: LlamaModel) -> Iterator[LlamaContext]:
        made = LlamaContext(model, cells=512)
        yield made
        made.close()

    def test_the_model_can_forget_the_end_of_a_sequence(self, context: LlamaContext) -> None:
        assert context.can_trim


def test_sizes_of_tensor_types_are_those_of_the_library() -> None:
    folder = Path(llama().__file__).parent / "lib"
    library = ctypes.CDLL(str(next(folder.glob("libggml-base.*"))))
    library.ggml_type_size.restype = ctypes.c_size_t
    library.ggml_blck_size.restype = ctypes.c_int64
    for number, kind in TENSOR_TYPES.items():
        assert library.ggml_blck_size(number) == kind.block, kind
        assert library.ggml_type_size(number) == kind.bytes, kind


def test_the_pre_check_agrees_with_the_library(smollm2: Path, model: LlamaModel) -> None:
    header = read_header(smollm2)
    assert header.context_tokens == model.context_tokens
    assert header.architecture == "llama"
    assert header.chat_template


def test_a_failed_load_says_so(tmp_path: Path) -> None:
    path = tmp_path / "nonsense.gguf"
    path.write_bytes(b"nothing of use")
    with pytest.raises(LoadFailed, match=r"nonsense\.gguf"):
        LlamaModel(path)


def test_a_load_can_be_given_up(smollm2: Path) -> None:
    seen: list[float] = []

    def give_up(fraction: float) -> bool:
        seen.append(fraction)
        return False

    with pytest.raises(LoadFailed):
        LlamaModel(smollm2, give_up)
    assert seen


@pytest.mark.parametrize("text", ["Hello world", "天气很好 😀", "a\n\n  b\tc", "<|im_end|>", "é\u0301"])
def test_tokens_are_the_text(model: LlamaModel, text: str) -> None:
    tokens = model.tokenise(text, control=False)
    assert b"".join(model.piece(token) for token in tokens).decode() == text
    assert not any(model.is_end(token) for token in tokens)


def test_control_tokens_are_found_only_where_they_are_asked_for(model: LlamaModel) -> None:
    assert "<|im_end|>" in model.control_texts
    assert len(model.tokenise("<|im_end|>", control=True)) == 1
    assert len(model.tokenise("<|im_end|>", control=False)) > 1
