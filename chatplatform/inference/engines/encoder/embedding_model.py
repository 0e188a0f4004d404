"""The embedding model in memory. Imported in the encoder's process only: it brings torch with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from chatplatform.inference.engines.encoder.precision import Precision, lower

InputType = Literal["query", "passage"]


@dataclass(frozen=True)
class Prefixes:
    """What this model wants to see before a question, and before a text that may answer it."""

    query: str = ""
    passage: str = ""

    def of(self, input_type: InputType | None) -> str:
        return {"query": self.query, "passage": self.passage, None: ""}[input_type]


class EmbeddingModel:
    """Vectors of length 1 for texts. Not for several threads at once."""

    def __init__(
        self, folder: Path, prefixes: Prefixes | None = None, precision: Precision = "float32"
    ) -> None:
        """Load the model; takes seconds. Without prefixes, those that its folder names are used.

        Raises what sentence-transformers raises for a broken folder, and torch for a precision that it can't.
        """
        # here, because importing them takes seconds and the process has to answer meanwhile
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging

        transformers_logging.set_verbosity_error()
        transformers_logging.disable_progress_bar()
        torch.set_num_threads(1)  # more of them starve the chat model next door
        self._model: Any = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        self.context_tokens = int(self._model.max_seq_length)
        self.dimensions = int(self._model.get_embedding_dimension())
        self.precision = precision
        self._prefixes = prefixes or _named_prefixes(self._model.prompts)
        lower(self._model[0], precision)

    def prepared(self, texts: Sequence[str], input_type: InputType | None) -> list[str]:
        """The texts with the prefix that the model was trained with."""
        prefix = self._prefixes.of(input_type)
        return [prefix + text for text in texts]

    def token_counts(self, prepared: Sequence[str]) -> list[int]:
        """Tokens of each text, those at its ends included."""
        found = self._model.tokenizer(list(prepared), truncation=False, verbose=False)
        return [len(ids) for ids in found["input_ids"]]

    def encode(self, prepared: Sequence[str]) -> list[list[float]]:
        """A vector for each text, in order; what is longer than the context is cut off."""
        vectors = self._model.encode(
            list(prepared),
            batch_size=len(prepared),
            prompt="",
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return [[float(value) for value in vector] for vector in vectors.tolist()]


def _named_prefixes(prompts: dict[str, str]) -> Prefixes:
    """Of a model of one's own; its makers call a passage a passage or a document."""
    return Prefixes(prompts.get("query") or "", prompts.get("passage") or prompts.get("document") or "")
