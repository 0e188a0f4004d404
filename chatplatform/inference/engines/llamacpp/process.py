"""The engine's process: puts the parts together and serves until it is told to stop."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import uvicorn

from chatplatform.inference.engines.llamacpp.chat_call import in_thread
from chatplatform.inference.engines.llamacpp.gpu import Wish
from chatplatform.inference.engines.llamacpp.http_protocol import BoundedHttp
from chatplatform.inference.engines.llamacpp.load_marks import LoadMarks
from chatplatform.inference.engines.llamacpp.memory_fit import available_bytes, needed_bytes
from chatplatform.inference.engines.llamacpp.model_pool import ModelPool, Wishes
from chatplatform.inference.engines.llamacpp.native import llama
from chatplatform.inference.engines.llamacpp.on_demand import OnDemand
from chatplatform.inference.engines.llamacpp.saving import Saving
from chatplatform.inference.engines.llamacpp.self_benchmark import SelfBenchmark
from chatplatform.inference.engines.llamacpp.served_model import ServedModel
from chatplatform.inference.engines.llamacpp.server import Courier, EngineApp

FINISH_S = 5  # for answers under way
STOP_S = 3
SWITCH_S = 0.001
"""The scheduler's thread waits for the interpreter at most about this long when the server's thread is busy."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, app: EngineApp) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._app.finish_answers(FINISH_S)
        await in_thread(self._app.stop_answering)
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=256)


def serve(
    listener: socket.socket,
    *,
    preferred: Sequence[str],
    quick: str,
    resolve: Callable[[str], Path | None],
    sha256_of: Callable[[str], str],
    context_tokens: int,
    threads: int,
    token: str,
    saving: Saving,
    gpu_layers: Wish,
    self_benchmark: SelfBenchmark,
    offered: Callable[[], Collection[str]],
    idle_s: float,
    wishes: Callable[[], Wishes | None] | None = None,
) -> None:
    """Serve on `listener` until SIGTERM or SIGINT.

    `resolve` gives a model's file or None; `sha256_of` its hash, and may read the file, but not of those that
    `offered` gives. `offered` and `idle_s`: see OnDemand. `wishes`: see ModelPool.
    """
    llama()
    sys.setswitchinterval(SWITCH_S)
    courier = Courier()
    marks = LoadMarks(saving.folder)

    def load(model_id: str, path: Path, on_progress: Callable[[float], bool]) -> ServedModel:
        on_progress(0.0)
        with marks.loading(path):
            return ServedModel(
                model_id,
                path,
                sha256_of(model_id),
                context_tokens=context_tokens,
                threads=threads,
                deliver=courier.deliver,
                on_progress=on_progress,
                saving=saving,
                gpu_layers=gpu_layers,
                self_benchmark=self_benchmark,
            )

    pool: ModelPool[ServedModel] = ModelPool(
        preferred=preferred,
        quick=quick,
        resolve=resolve,
        load=load,
        wishes=wishes,
        on_demand=OnDemand(
            offered=offered,
            needed_bytes=lambda path: needed_bytes(path, context_tokens),
            available_bytes=available_bytes,
            idle_s=idle_s,
        ),
    )
    app = EngineApp(pool, courier, token=token, sha256_of=sha256_of)
    config = uvicorn.Config(
        app,
        lifespan="on",
        http=BoundedHttp,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_S,
    )
    server = _Server(config, app)

    def on_signal(_number: int, _frame: object) -> None:
        # uvicorn handles these while it serves, and raises them again afterwards: then there is nothing to do,
        # and the process ends as one that was asked to.
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    server.run(sockets=[listener])
