"""The encoder's work: one model, loaded in the background, used by one thread; questions before documents."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chatplatform.inference.engines.encoder.batches import LEAST_TOKENS, batch_tokens, next_batch
from chatplatform.inference.engines.encoder.embedding_model import EmbeddingModel
from chatplatform.inference.engines.encoder.model_loading import WrongVectors, find_folder, load_model
from chatplatform.inference.engines.encoder.precision_choice import PrecisionChoice
from chatplatform.inference.engines.encoder.turns import Turns
from chatplatform.inference.engines.encoder.wire import EmbeddingRequest, Embeddings, Refused
from chatplatform.inference.model_files import catalogue, model_store

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 3.0
MAX_WAITING = 64
"""Requests at once, of questions and of documents each: documents never take the places of questions."""
MAX_WAIT_S = 120.0
"""Of reading, for documents that are here already: more is sent away to come again."""
URGENT_TEXTS = 8
"""So many texts a person may wait for; a request with more is a job, whatever its texts are."""
COUNTED_CHARS = 32_000
"""Counted in one piece: some 50 ms."""
FIRST_TOKENS_S = 1000.0
"""Believed until something was read."""
OLD_SHARE = 0.8
"""How much of what was believed of the speed stays after another batch."""


@dataclass
class Figures:
    """What /metrics tells: `waiting` things now, all others since the start."""

    requests: int = 0
    refused: int = 0
    cancelled: int = 0
    texts: int = 0
    tokens: int = 0
    cut_tokens: int = 0
    batches: int = 0
    busy_s: float = 0.0
    questions: int = 0
    questions_s: float = 0.0
    waiting_questions: int = 0
    waiting_documents: int = 0
    waiting_tokens: int = 0


class EncoderService:
    """Serves the model `reference`: a catalogue id, a folder, or the name of one in the cache of a hub's client."""

    def __init__(self, reference: str, choice: PrecisionChoice | None = None) -> None:
        self._reference = reference
        self._choice = choice or PrecisionChoice(None)
        # what clients see: a path would tell them about this machine
        self._name = reference if catalogue.find(reference) else Path(reference).name
        self._model: EmbeddingModel | None = None
        self._sha256 = ""
        self._turns = Turns()
        self._tokens_s = FIRST_TOKENS_S
        self.figures = Figures()
        self.state = "loading"
        self.detail = ""

    async def load(self) -> None:
        """Load the model as soon as its files are there. A broken model ends in the state "error"."""
        while (path := await self._turns.run(partial(find_folder, self._reference), urgent=False)) is None:
            self.detail = f"{self._name} is not here yet: manage.py models pull {self._reference}"
            await asyncio.sleep(LOOK_EVERY_S)
        self.detail = ""
        try:
            self._model = await self._turns.run(partial(self._load, path), urgent=False)
        except WrongVectors as error:
            logger.error("the embedding model is not what it should be: %s", error)
            self.state = "error"
            self.detail = f"{self._name} gives other vectors than it should: manage.py models verify"
            return
        except Exception as error:  # whatever a broken model makes its library raise
            logger.exception("the embedding model cannot be loaded")
            self.state, self.detail = "error", f"{self._name} cannot be loaded: {type(error).__name__}"
            return
        self.state = "ready"
        logger.info("%s is ready; it computes in %s", self._name, self._model.precision)

    def _load(self, path: Path) -> EmbeddingModel:
        known = catalogue.find(self._reference)
        self._sha256 = model_store.model_sha256(self._reference if known else str(path))
        return load_model(self._reference, path, self._sha256, self._choice)

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
            "precision": model.precision,
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
        """Raises Refused when the model is not there, too much waits, or a text is too long. May be cancelled."""
        model, figures = self._require_model(), self.figures
        urgent = request.input_type == "query" and len(request.texts) <= URGENT_TEXTS
        if (figures.waiting_questions if urgent else figures.waiting_documents) >= MAX_WAITING:
            raise _queue_full()
        if not urgent:
            figures.waiting_documents += 1
            try:
                return await self._embed(model, request, urgent=False)
            finally:
                figures.waiting_documents -= 1
        began = time.perf_counter()
        figures.waiting_questions += 1
        try:
            with self._turns.urgently():
                return await self._embed(model, request, urgent=True)
        finally:
            figures.waiting_questions -= 1
            figures.questions += 1
            figures.questions_s += time.perf_counter() - began

    async def _embed(self, model: EmbeddingModel, request: EmbeddingRequest, *, urgent: bool) -> Embeddings:
        prepared = model.prepared(request.texts, request.input_type)
        full = await self._count(model, prepared, urgent=urgent)
        if max(full) > model.context_tokens and not request.truncate:
            raise Refused(
                400,
                "context_length_exceeded",
                f"Text {full.index(max(full))} is longer than the model can read.",
                prompt_tokens=max(full),
                context_tokens=model.context_tokens,
            )
        counts = [min(count, model.context_tokens) for count in full]
        cut = [whole - read for whole, read in zip(full, counts, strict=True)]
        waiting = self.figures.waiting_tokens
        if not urgent and waiting and waiting + sum(counts) > self._tokens_s * MAX_WAIT_S:
            raise _queue_full()
        vectors = await self._read(model, prepared, counts, urgent=urgent)
        self.figures.cut_tokens += sum(cut)
        return Embeddings(self._name, vectors, sum(counts), cut)

    async def _count(self, model: EmbeddingModel, prepared: list[str], *, urgent: bool) -> list[int]:
        counts: list[int] = []
        while len(counts) < len(prepared):
            piece: list[str] = []
            for text in prepared[len(counts) :]:
                if piece and sum(map(len, piece)) + len(text) > COUNTED_CHARS:
                    break
                piece.append(text)
            counts += await self._turns.run(partial(model.token_counts, piece), urgent=urgent)
        return counts

    async def _read(
        self, model: EmbeddingModel, prepared: list[str], counts: list[int], *, urgent: bool
    ) -> list[list[float]]:
        vectors: list[list[float]] = [[] for _ in prepared]
        left = sorted(range(len(prepared)), key=counts.__getitem__)
        tokens = sum(counts)
        self.figures.waiting_tokens += tokens
        try:
            while left:
                size = next_batch(left, counts, batch_tokens(self._tokens_s))
                batch, left = left[:size], left[size:]
                read = sum(counts[place] for place in batch)
                work = partial(self._timed_encode, model, [prepared[place] for place in batch], read)
                for place, vector in zip(batch, await self._turns.run(work, urgent=urgent), strict=True):
                    vectors[place] = vector
                tokens -= read
                self.figures.waiting_tokens -= read
        finally:
            self.figures.waiting_tokens -= tokens
        return vectors

    def _timed_encode(self, model: EmbeddingModel, texts: list[str], tokens: int) -> list[list[float]]:
        began = time.perf_counter()
        vectors = model.encode(texts)
        seconds = time.perf_counter() - began
        if tokens >= LEAST_TOKENS:  # a short question says little about reading
            self._tokens_s = OLD_SHARE * self._tokens_s + (1 - OLD_SHARE) * tokens / max(seconds, 1e-6)
        self.figures.busy_s += seconds
        self.figures.batches += 1
        self.figures.texts += len(texts)
        self.figures.tokens += tokens
        return vectors


def _queue_full() -> Refused:
    return Refused(429, "queue_full", "Too much is waiting already. Please try again in a moment.")
