"""Measure how fast models read and write on this machine, and keep it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import Conflict, InvalidInput
from chatplatform.inference.model_files import catalogue, model_store, native_process
from chatplatform.inference.model_files.encrypted_model import opened
from chatplatform.inference.model_files.own_files import Report
from chatplatform.inference.model_files.speeds import Speed, remember

MODULE: Final = "chatplatform.inference.engines.llamacpp.measure_speed"
ROUNDS: Final = 3


def bench(model_id: str, report: Report) -> Speed:
    """Measure one model, in a process of its own, and keep the result.

    Raises NotFound, InvalidInput, Conflict, NativeFailed, OSError, and what `encrypted_model.opened` does.
    """
    path = chat_file(model_id)
    reading, writing = measure([path], report)[0]
    file = catalogue.get(model_id).files[0]
    return remember(file.sha256, reading_tokens_s=reading, writing_tokens_s=writing, file_bytes=file.size)


def measure(paths: Sequence[Path], report: Report, *, rounds: int = ROUNDS) -> list[tuple[float, float]]:
    """Tokens a second, read and written, of each file: the best of the rounds, because noise only takes away."""
    best = [(0.0, 0.0) for _path in paths]
    done = [0]

    def on_line(line: dict[str, float]) -> None:
        place = int(line["file"])
        reading, writing = best[place]
        best[place] = (max(reading, line["reading_tokens_s"]), max(writing, line["writing_tokens_s"]))
        done[0] += 1

    with ExitStack() as stack:
        plain = [stack.enter_context(opened(path)) for path in paths]
        native_process.run_native(
            MODULE,
            [str(settings.ENVIRONMENT.llm_threads), str(rounds), *map(str, plain)],
            on_line=on_line,
            on_tick=lambda: report(done[0] / (rounds * len(paths))),
            pass_fds=[int(path.name) for path in plain if path.parent == Path("/proc/self/fd")],
        )
    return best


def chat_file(model_id: str) -> Path:
    """The file of a chat model that is here. Raises NotFound, InvalidInput, Conflict."""
    if catalogue.get(model_id).kind != "chat":
        raise InvalidInput("model_wrong_kind", _("This model makes embeddings; it cannot answer."))
    path = model_store.model_path(model_id)
    if path is None:
        raise Conflict("model_not_here", _("The file of this model is not here yet. Fetch it first."))
    return path
