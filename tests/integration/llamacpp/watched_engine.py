"""The scheduler with a real model in this process, its cells watched; and each of its locks taken away on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chatplatform.inference.engines.llamacpp.context import Piece
from chatplatform.inference.engines.llamacpp.generation import (
    Event,
    Failed,
    Finished,
    GenerationRequest,
    Sink,
    Started,
    Text,
)
from chatplatform.inference.engines.llamacpp.gguf import read_header
from chatplatform.inference.engines.llamacpp.llama_context import LlamaContext
from chatplatform.inference.engines.llamacpp.model import LlamaModel
from chatplatform.inference.engines.llamacpp.prompt_tokens import ChatMessage, PromptReader
from chatplatform.inference.engines.llamacpp.refusals import QueueFull
from chatplatform.inference.engines.llamacpp.sampling import SamplerSettings
from chatplatform.inference.engines.llamacpp.saved_conversations import SavedConversations
from chatplatform.inference.engines.llamacpp.scheduler import Scheduler
from chatplatform.inference.engines.llamacpp.sequences import Held, Sequences
from tests.benchmarks.canary_load import ANSWER_TOKENS, Asked, Told
from tests.integration.llamacpp.watched_cells import WatchedCells

CELLS = 2048
"""So few that conversations have to leave the cache and come back."""
CONTEXT_TOKENS = 512
SAVED_BYTES = 4 * 1024 * 1024


class BlindCells(WatchedCells):
    """Sabotage: the engine's ledger is not asked; the watcher beside it still looks."""

    def _check(self, piece: Piece, owner: str) -> None:
        return


class MixedUpSequences(Sequences):
    """Sabotage: whoever begins is given a conversation of somebody else's as if it were the own prompt."""

    def _kept_match(self, tokens: Sequence[int], owner: str) -> tuple[Held | None, int]:
        for held in self._idle.values():
            common = min(len(held.tokens), len(tokens) - 1)
            if held.owner != owner and held.base is not None and common > len(held.base.tokens):
                held.tokens = list(tokens[:common])
                self._cells.trim(held.seq, common)
                return held, common
        return super()._kept_match(tokens, owner)


class WatchedEngine:
    """Answers `canary_load`'s requests. `cells` holds what the watcher saw."""

    def __init__(self, model: LlamaModel, prompts: PromptReader, folder: Path, kinds: Kinds) -> None:
        self._prompts = prompts
        self._loop = asyncio.get_running_loop()
        self._context = LlamaContext(model, cells=CELLS)
        saved = SavedConversations(folder, memory_bytes=SAVED_BYTES, disk_bytes=SAVED_BYTES)

        class Watched(Scheduler):
            cells_class, sequences_class = kinds

        self._scheduler = Watched(
            self._context, model, context_tokens=CONTEXT_TOKENS, deliver=self._deliver, conversations=saved
        )
        self.cells = self._scheduler.cells
        self._scheduler.start()

    def _deliver(self, events: list[tuple[Sink, Event]]) -> None:
        self._loop.call_soon_threadsafe(lambda: [sink(event) for sink, event in events])

    async def ask(self, asked: Asked) -> Told:
        messages = [ChatMessage(one["role"], one["content"]) for one in asked.messages]
        prompt = await asyncio.to_thread(self._prompts.read, messages, continue_final=True)
        self.cells.platform_texts.add(prompt.tokens[: prompt.system_tokens])
        events: asyncio.Queue[Event] = asyncio.Queue()
        request = GenerationRequest(
            prompt.tokens,
            prompt.system_tokens,
            asked.owner,
            keep=True,
            sampling=SamplerSettings(temperature=0),
            max_tokens=ANSWER_TOKENS,
        )
        try:
            generation = self._scheduler.submit(request, events.put_nowait)
        except QueueFull:
            return Told("failed")
        text, cached = "", 0
        while True:
            match await events.get():
                case Started() as started:
                    cached = started.cached_tokens - prompt.system_tokens
                    leaves = asked.leave == "started"
                case Text() as more:
                    text += more.text
                    leaves = asked.leave == "writing"
                case Finished():
                    return Told("finished", text, cached)
                case Failed():
                    return Told("failed", text, cached)
                case _:
                    leaves = False
            if leaves:
                self._scheduler.cancel(generation)
                return Told("left", text, cached)

    def close(self) -> None:
        self._scheduler.stop()
        self._context.close()


Kinds = tuple[type[WatchedCells], type[Sequences]]
SOUND: Kinds = (WatchedCells, Sequences)


@contextmanager
def watched_engine(path: Path, folder: Path, kinds: Kinds = SOUND) -> Iterator[Any]:
    """A function that makes the engine, in a running loop; the model is freed at the end."""
    model = LlamaModel(path)
    prompts = PromptReader(model, read_header(path).chat_template)
    made: list[WatchedEngine] = []

    def make() -> WatchedEngine:
        made.append(WatchedEngine(model, prompts, folder, kinds))
        return made[-1]

    try:
        yield make
    finally:
        for engine in made:
            engine.close()
        prompts.close()
        model.close()
