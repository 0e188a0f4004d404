"""HTTP's wire with heads that have an end: uvicorn's own waits for the rest of one for ever, and keeps what came."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chatplatform.inference.engines.llamacpp.limits import MAX_HEAD_BYTES, MAX_RECEIVE_S


class BoundedHttp(HttpToolsProtocol):
    """Closes a connection whose head of a request is longer than MAX_HEAD_BYTES or takes longer than MAX_RECEIVE_S.

    Bodies are the application's business, and the wait for another request uvicorn's.
    """

    _head_bytes = 0
    _in_head = True
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._calm_down()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
            if self._patience is None:
                self._expect_head()
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._calm_down()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def _expect_head(self) -> None:
        self._patience = self.loop.call_later(MAX_RECEIVE_S, self._refuse)

    def _calm_down(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _refuse(self) -> None:
        self._calm_down()
        if not self.transport.is_closing():
            self.send_400_response("The head of the request has no end.")
