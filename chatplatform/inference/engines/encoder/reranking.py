"""The reranker's work: texts read together with a question, after questions and before documents."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from functools import partial
from pathlib import Path

from chatplatform.inference.engines.encoder.batches import batch_tokens, counted_together, next_batch
from chatplatform.inference.engines.encoder.model_loading import find_folder, fingerprint
from chatplatform.inference.engines.encoder.pace import Pace
from chatplatform.inference.engines.encoder.precision import Precision
from chatplatform.inference.engines.encoder.precision_choice import PrecisionChoice, Tried
from chatplatform.inference.engines.encoder.reranking_model import NoReranker, RerankingModel
from chatplatform.inference.engines.encoder.turns import Turns, Urgency
from chatplatform.inference.engines.encoder.wire import Ranking, Refused, RerankRequest, queue_full
from chatplatform.inference.model_files import model_store

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 3.0
MAX_WAITING = 8
"""Requests at once. People wait for them a second or two at most: who comes later had better go without."""
READ_CHARS = 8_000
"""Of a text: more than any model here reads, so that what would be cut is not counted first."""
SPECIAL_TOKENS = 4
"""What stands around and between a question and a text."""
TRIAL_QUESTION = "How heavy is the tent?"
TRIAL_TEXTS = (
    "The tent weighs 1.9 kg with its poles and sleeps two persons.",
    "Unused goods may be returned within thirty days; we pay the postage.",
    "这顶帐篷重一点九公斤，可住两人。",
    "We are open from Monday to Friday between nine and six, and on Saturdays until noon. " * 8,
)
ROUNDS = 3


class Reranker:
    """Serves the cross-encoder `reference`: a folder, or the name of one in the cache of a hub's client."""

    def __init__(self, reference: str, choice: PrecisionChoice, turns: Turns) -> None:
        self._reference = reference
        self._choice = choice
        self._turns = turns
        # what clients see: a path would tell them about this machine
        self._name = Path(reference).name
        self._model: RerankingModel | None = None
        self._sha256 = ""
        # those who wait are served whole, one after the other: in turns, all would be late
        self._at_work = asyncio.Lock()
        self._waiting = 0
        self._done = 0
        self._texts = 0
        self._pace = Pace()
        self.state = "loading"
        self.detail = ""

    async def load(self) -> None:
        """Load the model as soon as its files are there. A broken one ends in the state "error"."""
        while (
            path := await self._turns.run(partial(find_folder, self._reference), Urgency.DOCUMENT)
        ) is None:
            self.detail = f"The reranker {self._name} is not on this machine."
            await asyncio.sleep(LOOK_EVERY_S)
        self.detail = ""
        try:
            self._model = await self._turns.run(partial(self._load, path), Urgency.DOCUMENT)
        except NoReranker as error:
            self._fail(f"{self._name} is no reranker: it has {error}, not one score.")
        except Exception as error:  # whatever a broken model makes its library raise
            logger.exception("the reranker cannot be loaded")
            self._fail(f"The reranker {self._name} cannot be loaded: {type(error).__name__}")
        else:
            self.state = "ready"
            logger.info("%s is ready; it computes in %s", self._name, self._model.precision)

    def _fail(self, detail: str) -> None:
        self.state, self.detail = "error", detail

    def _load(self, path: Path) -> RerankingModel:
        self._sha256 = model_store.model_sha256(str(path))
        return load_reranker(path, self._sha256, self._choice)

    def entry(self) -> dict[str, object] | None:
        """What /v1/models tells of it; None as long as it cannot be asked."""
        if self._model is None:
            return None
        return {
            "id": self._name,
            "object": "model",
            "owned_by": "chatplatform",
            "aliases": ["reranker"],
            "sha256": self._sha256,
            "context_tokens": self._model.context_tokens,
            "precision": self._model.precision,
            "reading_tokens_s": self._pace.measured,
            "writing_tokens_s": None,
        }

    def metrics(self) -> list[str]:
        """Lines of /metrics."""
        return [
            f"encoder_reranks_total {self._done}",
            f"encoder_reranked_texts_total {self._texts}",
            f"encoder_reranked_tokens_total {self._pace.tokens}",
            f"encoder_rerank_busy_seconds_total {self._pace.busy_s:.3f}",
            f"encoder_waiting_reranks {self._waiting}",
        ]

    async def rank(self, request: RerankRequest) -> Ranking:
        """Raises Refused when the model is not there, or too many wait. May be cancelled."""
        model = self._model
        if model is None:
            raise Refused(503, "model_loading", self.detail or "The reranker is being loaded.")
        if self._waiting >= MAX_WAITING:
            raise queue_full()
        self._waiting += 1
        try:
            async with self._at_work:
                with self._turns.held_for(Urgency.RERANKING):
                    return await self._rank(model, request)
        finally:
            self._waiting -= 1

    async def _rank(self, model: RerankingModel, request: RerankRequest) -> Ranking:
        texts = [text[:READ_CHARS] for text in request.documents]
        counts = await self._counts(model, request.query, texts)
        scores = [0.0] * len(texts)
        left = sorted(range(len(texts)), key=counts.__getitem__)
        while left:
            size = next_batch(left, counts, batch_tokens(self._pace.tokens_s))
            batch, left = left[:size], left[size:]
            tokens = sum(counts[place] for place in batch)
            work = partial(self._timed, model, request.query, [texts[place] for place in batch], tokens)
            for place, score in zip(batch, await self._turns.run(work, Urgency.RERANKING), strict=True):
                scores[place] = score
        if not all(map(math.isfinite, scores)):
            raise Refused(500, "internal_error", "The reranker gave no numbers.")
        self._done += 1
        self._texts += len(texts)
        return Ranking(self._name, scores, sum(counts))

    async def _counts(self, model: RerankingModel, question: str, texts: list[str]) -> list[int]:
        """Tokens of each text with the question, as far as they are read."""
        counts: list[int] = []
        for piece in counted_together([question, *texts]):
            counts += await self._turns.run(partial(model.token_counts, piece), Urgency.RERANKING)
        around = counts[0] + SPECIAL_TOKENS
        return [min(around + count, model.context_tokens) for count in counts[1:]]

    def _timed(self, model: RerankingModel, question: str, texts: list[str], tokens: int) -> list[float]:
        began = time.perf_counter()
        scores = model.scores(question, texts)
        self._pace.note(tokens, time.perf_counter() - began)
        return scores


def load_reranker(folder: Path, sha256: str, choice: PrecisionChoice) -> RerankingModel:
    """The model, in the numbers that it is fast in here. Takes seconds, a few more where it is used for the first time.
    Raises NoReranker, and what the libraries raise for a broken folder."""
    loaded: dict[Precision, RerankingModel] = {}

    def trial(precision: Precision) -> Tried | None:
        if precision == "int8":  # rounded by what is read beside it, a text would not have one score
            return None
        loaded.clear()  # one in memory at a time
        try:
            loaded[precision] = RerankingModel(folder, precision)
            return _tried(loaded[precision])
        except (RuntimeError, NotImplementedError, AttributeError, ImportError):
            if precision == "float32":  # nothing to do with its numbers
                raise
            return None

    chosen = choice.precision(fingerprint(sha256), trial)
    return loaded[chosen] if chosen in loaded else RerankingModel(folder, chosen)


def _tried(model: RerankingModel) -> Tried:
    scores = model.scores(TRIAL_QUESTION, TRIAL_TEXTS)
    tokens = sum(model.token_counts(TRIAL_TEXTS))
    seconds = []
    for _ in range(ROUNDS):
        began = time.process_time()  # not the clock: others may be at work beside it
        model.scores(TRIAL_QUESTION, TRIAL_TEXTS)
        seconds.append(time.process_time() - began)
    return Tried(tokens / max(min(seconds), 1e-6), [_direction(score) for score in scores])


def _direction(score: float) -> list[float]:
    """A score as a vector of length 1: of two that are a tenth apart, the cosine is what is asked of vectors."""
    return [math.cos(score * math.pi / 2), math.sin(score * math.pi / 2)]
