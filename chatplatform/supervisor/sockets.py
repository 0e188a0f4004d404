"""uvicorn's websockets, without the ways to make them wait or grow for ever."""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

MOST_EMPTY_FRAGMENTS = 1000
_REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class PatientSockets(WebSocketsSansIOProtocol):
    """What is met here reaches no application, whose limits would end it.

    A handshake that cannot be parsed is answered and closed; uvicorn alone would leave it open without a word. Pings
    of somebody who does not read the pongs get none. Fragments of nothing, which count towards no size, end the
    connection when there are many.
    """

    _empty_fragments = 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(_REFUSED)
            self.transport.close()

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            # RFC 6455, 5.5.3: of pings that came meanwhile, not each needs its pong
            self.conn.data_to_send()

    def handle_cont(self, event: Frame) -> None:
        if event.data or event.fin:
            super().handle_cont(event)
            return
        self._empty_fragments += 1
        if self._empty_fragments == MOST_EMPTY_FRAGMENTS:
            self.conn.fail(CloseCode.POLICY_VIOLATION)
            self.handle_parser_exception()
