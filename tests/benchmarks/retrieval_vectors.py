"""Vectors of many texts by an encoder of the catalogue, made once and kept in the user's cache folder.

usage: python -m tests.benchmarks.retrieval_vectors SET ENCODER PRECISION     makes what is missing, on one core

Kept by what they are made of (weights, prefix, texts, precision), in blocks, so that an interrupted run goes on where
it was. Processors with bfloat16 need less than half the time at that precision.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import platformdirs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Precision = Literal["float32", "bfloat16"]

BLOCK = 128
BATCH = 8


def cache() -> Path:
    return platformdirs.user_cache_path("chatplatform") / "benchmarks" / "vectors"


class Encoder:
    """An encoder of the catalogue by id, as plain sentence-transformers runs it; loaded when something is missing."""

    def __init__(self, model_id: str, precision: Precision = "float32") -> None:
        """Raises what the catalogue raises for an unknown model, or one that cannot be had."""
        from chatplatform.inference.model_files import catalogue, model_store

        self.id = model_id
        self._precision = precision
        self._entry = catalogue.get(model_id)
        self._folder = model_store.ensure(model_id)
        self._weights = next(file.sha256 for file in self._entry.files if file.name == "model.safetensors")
        self._model: Any = None

    def vectors(self, texts: Sequence[str], of: Literal["query", "passage"]) -> NDArray[np.float32]:
        """One row of length 1 for each text, in order."""
        import numpy as np

        prefix = self._entry.query_prefix if of == "query" else self._entry.passage_prefix
        prepared = [prefix + text for text in texts]
        return np.concatenate([self._block(block) for block in _blocks(prepared)])

    def _block(self, texts: list[str]) -> NDArray[np.float32]:
        import numpy as np

        told = hashlib.sha256("\x00".join([self._weights, self._precision, *texts]).encode()).hexdigest()
        path = cache() / f"{told}.npy"
        if path.is_file():
            return np.load(path)
        started = time.monotonic()
        encoded = self._loaded().encode(
            texts,
            batch_size=BATCH,
            normalize_embeddings=True,
            convert_to_tensor=True,
            show_progress_bar=False,
        )
        found = encoded.float().numpy()
        found /= np.linalg.norm(found, axis=1, keepdims=True)  # bfloat16 lengths are 1 to two digits only
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft.npy")
        np.save(draft, found)
        draft.replace(path)
        print(f"  {self.id}: {len(texts)} texts in {time.monotonic() - started:.0f} s", flush=True)
        return found

    def _loaded(self) -> Any:
        if self._model is None:
            import torch
            from sentence_transformers import SentenceTransformer

            torch.set_num_threads(1)
            self._model = SentenceTransformer(str(self._folder), device="cpu", local_files_only=True)
            self._model.to(getattr(torch, self._precision))
        return self._model


def _blocks(texts: list[str]) -> Iterator[list[str]]:
    for at in range(0, len(texts), BLOCK):
        yield texts[at : at + BLOCK]


def main(arguments: Sequence[str]) -> None:
    import django

    django.setup()
    from tests.benchmarks.data import folder
    from tests.benchmarks.retrieval_sets import SETS

    name, model_id, precision = arguments
    chosen, encoder = (
        SETS[name](folder()),
        Encoder(model_id, "bfloat16" if precision == "bfloat16" else "float32"),
    )
    encoder.vectors(list(chosen.questions.values()), "query")
    encoder.vectors(list(chosen.passages.values()), "passage")


if __name__ == "__main__":
    main(sys.argv[1:])
