"""The encoder's work: one model, loaded in the background, used by one thread."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from chatplatform.inference import catalogue, model_store
from chatplatform.inference.engines.encoder.embedding_model import EmbeddingModel, Prefixes
from chatplatform.inference.engines.encoder.wire import EmbeddingRequest, Embeddings, Refused

logger = logging.getLogger(__name__)

# Few texts at a time, so that a question need not wait for a whole document.
SLICE_TEXTS = 8
LOOK_EVERY_S = 3.0
MAX_WAITING = 64


@dataclass
class Figures:
    """What /metrics tells, since the start."""

    requests: int = 0
    refused: int = 0
    texts: int = 0
    tokens: int = 0
    busy_s: float = 0.0


class EncoderService:
    """Serves the model `reference`, a catalogue id or a folder."""

    def __init__(self, reference: str) -> None:
        self._reference = reference
        # what clients see: a path would tell them about this machine
        self._name = reference if catalogue.find(reference) else Path(reference).stem
        self._model: EmbeddingModel | None = None
        self._sha256 = ""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encoder")
        self._waiting = 0
        self.figures = Figures()
        self.state = "loading"
        self.detail = ""

    async def load(self) -> None:
        """Load the model as soon as its files are there. A broken model ends in the state "error"."""
        loop = asyncio.get_running_loop()
        while (
            path := await loop.run_in_executor(self._thread, model_store.model_path, self._reference)
        ) is None:
            self.detail = f"{self._name} is not here yet: manage.py models pull {self._reference}"
            await asyncio.sleep(LOOK_EVERY_S)
        self.detail = ""
        known = catalogue.find(self._reference)
        prefixes = Prefixes(known.query_prefix, known.passage_prefix) if known else Prefixes()
        try:
            self._sha256 = model_store.model_sha256(self._reference)
            self._model = await loop.run_in_executor(self._thread, EmbeddingModel, path, prefixes)
        except Exception as error:  # whatever a broken model makes its library raise
            logger.exception("the embedding model cannot be loaded")
            self.state, self.detail = "error", f"{self._name} cannot be loaded: {type(error).__name__}"
            return
        self.state = "ready"
        logger.info("%s is ready", self._name)

    def models(self) -> dict[str, object]:
        """The body of /v1/models."""
        model = self._require_model()
        entry = {
            "id": self._name,
            "object": "model",
            "owned_by": "chatplatform",
            "aliases": ["embedding"],
            "sha256": self._sha256,
            "context_tokens": model.context_tokens,
            "dimensions": model.dimensions,
            "reading_tokens_s": self._reading_tokens_s(),
            "writing_tokens_s": None,
        }
        return {"object": "list", "data": [entry]}

    def _reading_tokens_s(self) -> float | None:
        return round(self.figures.tokens / self.figures.busy_s, 1) if self.figures.busy_s else None

    def _require_model(self) -> EmbeddingModel:
        if self._model is None:
            raise Refused(503, "model_loading", self.detail or "The model is being loaded.")
        return self._model

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Raises Refused when the model is not there, too much waits, or a text is too long."""
        model = self._require_model()
        if self._waiting >= MAX_WAITING:
            raise Refused(429, "queue_full", "Too many requests are waiting.")
        self._waiting += 1
        try:
            return await self._embed(model, request)
        finally:
            self._waiting -= 1

    async def _embed(self, model: EmbeddingModel, request: EmbeddingRequest) -> Embeddings:
        loop = asyncio.get_running_loop()
        prepared = model.prepared(request.texts, request.input_type)
        counts = await loop.run_in_executor(self._thread, model.token_counts, prepared)
        if max(counts) > model.context_tokens and not request.truncate:
            raise Refused(
                400,
                "context_length_exceeded",
                f"Text {counts.index(max(counts))} is longer than the model can read.",
                prompt_tokens=max(counts),
                context_tokens=model.context_tokens,
            )
        vectors: list[list[float]] = []
        for start in range(0, len(prepared), SLICE_TEXTS):
            piece = prepared[start : start + SLICE_TEXTS]
            vectors += await loop.run_in_executor(self._thread, self._timed_encode, model, piece)
        tokens = sum(min(count, model.context_tokens) for count in counts)
        self.figures.texts += len(prepared)
        self.figures.tokens += tokens
        return Embeddings(self._name, vectors, tokens)

    def _timed_encode(self, model: EmbeddingModel, prepared: list[str]) -> list[list[float]]:
        began = time.perf_counter()
        vectors = model.encode(prepared)
        self.figures.busy_s += time.perf_counter() - began
        return vectors
