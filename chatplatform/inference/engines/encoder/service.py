"""The encoder's work: its models, loaded in the background, used by one thread; questions before documents."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chatplatform.inference.engines.encoder.batches import batch_tokens, counted_together, next_batch
from chatplatform.inference.engines.encoder.embedding_model import EmbeddingModel
from chatplatform.inference.engines.encoder.model_loading import WrongVectors, find_folder, load_model
from chatplatform.inference.engines.encoder.pace import Pace
from chatplatform.inference.engines.encoder.precision_choice import PrecisionChoice
from chatplatform.inference.engines.encoder.reranking import Reranker
from chatplatform.inference.engines.encoder.turns import Turns, Urgency
from chatplatform.inference.engines.encoder.wire import EmbeddingRequest, Embeddings, Refused, queue_full
from chatplatform.inference.model_files import catalogue, model_store

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 3.0
MAX_WAITING = 64
"""Requests at once, of questions and of documents each: documents never take the places of questions."""
MAX_WAIT_S = 120.0
"""Of reading, for documents that are here already: more is sent away to come again."""
URGENT_TEXTS = 8
"""So many texts a person may wait for; a request with more is a job, whatever its texts are."""


@dataclass
class Figures:
    """What /metrics tells: `waiting` things now, all others since the start."""

    requests: int = 0
    refused: int = 0
    cancelled: int = 0
    texts: int = 0
    cut_tokens: int = 0
    batches: int = 0
    questions: int = 0
    questions_s: float = 0.0
    waiting_questions: int = 0
    waiting_documents: int = 0
    waiting_tokens: int = 0


class EncoderService:
    """Serves the model `reference`: a catalogue id, a folder, or the name of one in the cache of a hub's client.

    Beside it a reranker, if one is named: by a folder or such a name.
    """

    def __init__(self, reference: str, choice: PrecisionChoice | None = None, *, reranker: str = "") -> None:
        self._reference = reference
        self._choice = choice or PrecisionChoice(None)
        # what clients see: a path would tell them about this machine
        self._name = reference if catalogue.find(reference) else Path(reference).name
        self._model: EmbeddingModel | None = None
        self._sha256 = ""
        self._turns = Turns()
        self.pace = Pace()
        self.figures = Figures()
        self.reranker = Reranker(reranker, self._choice, self._turns) if reranker else None
        self.state = "loading"
        self.detail = ""

    async def load(self) -> None:
        """Load the models as soon as their files are there. A broken one ends in the state "error"."""
        await self._load_own()
        if self.reranker is not None:
            await self.reranker.load()

    async def _load_own(self) -> None:
        while (
            path := await self._turns.run(partial(find_folder, self._reference), Urgency.DOCUMENT)
        ) is None:
            self.detail = f"{self._name} is not here yet: manage.py models pull {self._reference}"
            await asyncio.sleep(LOOK_EVERY_S)
        self.detail = ""
        try:
            self._model = await self._turns.run(partial(self._load, path), Urgency.DOCUMENT)
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
            "reading_tokens_s": self.pace.measured,
            "writing_tokens_s": None,
        }
        reranker = self.reranker.entry() if self.reranker else None
        return {"object": "list", "data": [entry, reranker] if reranker else [entry]}

    def health(self) -> dict[str, object]:
        """The body of /health: how the embedding model is, and the reranker where one is named."""
        said: dict[str, object] = {"status": self.state, "detail": self.detail}
        if self.reranker is not None:
            said["reranker"] = {"status": self.reranker.state, "detail": self.reranker.detail}
        return said

    def _require_model(self) -> EmbeddingModel:
        if self._model is None:
            raise Refused(503, "model_loading", self.detail or "The model is being loaded.")
        return self._model

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Raises Refused when the model is not there, too much waits, or a text is too long. May be cancelled."""
        model, figures = self._require_model(), self.figures
        urgent = request.input_type == "query" and len(request.texts) <= URGENT_TEXTS
        if (figures.waiting_questions if urgent else figures.waiting_documents) >= MAX_WAITING:
            raise queue_full()
        if not urgent:
            figures.waiting_documents += 1
            try:
                return await self._embed(model, request, Urgency.DOCUMENT)
            finally:
                figures.waiting_documents -= 1
        began = time.perf_counter()
        figures.waiting_questions += 1
        try:
            with self._turns.held_for(Urgency.QUESTION):
                return await self._embed(model, request, Urgency.QUESTION)
        finally:
            figures.waiting_questions -= 1
            figures.questions += 1
            figures.questions_s += time.perf_counter() - began

    async def _embed(self, model: EmbeddingModel, request: EmbeddingRequest, urgency: Urgency) -> Embeddings:
        prepared = model.prepared(request.texts, request.input_type)
        full = await self._count(model, prepared, urgency)
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
        is_late = waiting and waiting + sum(counts) > self.pace.tokens_s * MAX_WAIT_S
        if urgency != Urgency.QUESTION and is_late:
            raise queue_full()
        vectors = await self._read(model, prepared, counts, urgency)
        self.figures.cut_tokens += sum(cut)
        return Embeddings(self._name, vectors, sum(counts), cut)

    async def _count(self, model: EmbeddingModel, prepared: list[str], urgency: Urgency) -> list[int]:
        counts: list[int] = []
        for piece in counted_together(prepared):
            counts += await self._turns.run(partial(model.token_counts, piece), urgency)
        return counts

    async def _read(
        self, model: EmbeddingModel, prepared: list[str], counts: list[int], urgency: Urgency
    ) -> list[list[float]]:
        vectors: list[list[float]] = [[] for _ in prepared]
        left = sorted(range(len(prepared)), key=counts.__getitem__)
        tokens = sum(counts)
        self.figures.waiting_tokens += tokens
        try:
            while left:
                size = next_batch(left, counts, batch_tokens(self.pace.tokens_s))
                batch, left = left[:size], left[size:]
                read = sum(counts[place] for place in batch)
                work = partial(self._timed_encode, model, [prepared[place] for place in batch], read)
                for place, vector in zip(batch, await self._turns.run(work, urgency), strict=True):
                    vectors[place] = vector
                tokens -= read
                self.figures.waiting_tokens -= read
        finally:
            self.figures.waiting_tokens -= tokens
        return vectors

    def _timed_encode(self, model: EmbeddingModel, texts: list[str], tokens: int) -> list[list[float]]:
        began = time.perf_counter()
        vectors = model.encode(texts)
        self.pace.note(tokens, time.perf_counter() - began)
        self.figures.batches += 1
        self.figures.texts += len(texts)
        return vectors
