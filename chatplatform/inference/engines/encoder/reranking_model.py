"""The reranker in memory: a cross-encoder, which reads a question and a text together. Imported in the encoder's
process only: it brings torch with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chatplatform.inference.engines.encoder.precision import Precision, lower

MOST_TOKENS = 512
"""Of a question and a text together, whatever the model could read: longer than any piece of a document."""


class NoReranker(Exception):
    """The model sorts texts into classes and has no single score for them."""


class RerankingModel:
    """Scores from 0 to 1 of texts for a question. Not for several threads at once."""

    def __init__(self, folder: Path, precision: Precision = "float32") -> None:
        """Load the model; takes seconds. Raises NoReranker, what sentence-transformers raises for a broken folder, and
        torch for a precision that it can't."""
        # here, because importing them takes seconds and the process has to answer meanwhile
        import torch
        from sentence_transformers import CrossEncoder
        from transformers.utils import logging as transformers_logging

        transformers_logging.set_verbosity_error()
        transformers_logging.disable_progress_bar()
        torch.set_num_threads(1)
        # makers name an activation of their own or none; this one keeps every order, and makes scores alike
        self._model: Any = CrossEncoder(
            str(folder), device="cpu", local_files_only=True, activation_fn=torch.nn.Sigmoid()
        )
        if self._model.num_labels != 1:
            raise NoReranker(f"{self._model.num_labels} classes")
        self.context_tokens = min(int(self._model.max_seq_length or MOST_TOKENS), MOST_TOKENS)
        self._model.max_seq_length = self.context_tokens
        self.precision = precision
        lower(self._model[0].model.base_model, precision)

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by itself."""
        found = self._model.tokenizer(list(texts), truncation=False, add_special_tokens=False, verbose=False)
        return [len(ids) for ids in found["input_ids"]]

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """A score for each text, in order; of what is too long together, the longer one is cut."""
        found = self._model.predict(
            [(question, text) for text in texts], batch_size=len(texts), show_progress_bar=False
        )
        return [float(score) for score in found.tolist()]
