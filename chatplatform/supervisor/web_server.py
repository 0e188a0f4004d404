"""The web process: uvicorn with our limits."""

from __future__ import annotations

import math
import socket
from time import monotonic
from types import FrameType

import uvicorn
from django.conf import settings

from chatplatform.chat import process
from chatplatform.chat.protocol import MAX_FRAME_BYTES
from chatplatform.supervisor.sockets import PatientSockets

LOOPBACK = ("127.0.0.1", "::1")


class WebServer(uvicorn.Server):
    """Stops in order: says so to load balancers, then to browsers, while running answers end or are handed over.

    After SIGTERM `/readyz` says «draining» and everything is still served for `notice_s`. Then nothing new is
    accepted, sockets are closed with 1012 (come back, elsewhere), and requests under way end. A second signal
    ends the notice; a third one, of Ctrl+C, everything.
    """

    def __init__(self, config: uvicorn.Config, *, notice_s: float) -> None:
        super().__init__(config)
        self._notice_s = notice_s
        self._told_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._told_at is None and self._notice_s > 0:
            self._told_at = monotonic()
            self._captured_signals.append(sig)
            process.announce_drain()
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        noticed = self._told_at is not None and monotonic() - self._told_at >= self._notice_s
        return await super().on_tick(counter) or noticed

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        process.begin_drain()
        await super().shutdown(sockets)


def web_config() -> uvicorn.Config:
    """uvicorn's configuration from the settings. Proxy headers are believed only where a proxy was declared."""
    environment = settings.ENVIRONMENT
    # whoever may set these headers may be anybody to limits and to the audit log
    trusted = environment.trusted_proxies or (LOOPBACK if environment.public_url else ())
    return uvicorn.Config(
        "chatplatform.asgi:application",
        host=environment.host,
        port=environment.port,
        loop="uvloop",
        http="httptools",
        ws=PatientSockets,
        ws_max_size=MAX_FRAME_BYTES,
        ws_per_message_deflate=False,  # costs more time on small frames than it saves on the wire
        proxy_headers=bool(trusted),
        forwarded_allow_ips=list(trusted),
        access_log=False,
        server_header=False,
        log_config=None,  # Django's
        lifespan="on",
        # requests that stream an answer have as long as turns have
        timeout_graceful_shutdown=math.ceil(environment.drain_s) + 1,
    )
