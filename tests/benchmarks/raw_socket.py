"""A websocket client that costs almost nothing, so that thousands of them measure the server and not themselves."""

from __future__ import annotations

import asyncio
import base64
import os

PING, CLOSE = 0x9, 0x8


class RawSocket(asyncio.Protocol):
    """Opens a chat socket, answers pings and counts what arrives. `opened` is set by the first frame (the welcome)."""

    def __init__(self, port: int, cookie: str) -> None:
        self.opened = asyncio.get_running_loop().create_future()
        self.is_closed = False
        self.bytes = 0
        self._request = (
            f"GET /ws/chat/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nCookie: {cookie}\r\n\r\n"
        ).encode()
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        self._buffer += data
        if not self._upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                self._fail(head.decode(errors="replace"))
                return
            self._upgraded, self._buffer = True, rest
        self._take_frames()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("the connection was lost")

    def stop_reading(self) -> None:
        """From here on nothing that the server sends is taken."""
        assert self._transport is not None
        self._transport.pause_reading()

    def send_text(self, text: str) -> None:
        """One masked text frame (mask zero) of up to 65,535 bytes."""
        data = text.encode()
        head = (
            bytes([0x81, 0x80 | len(data)]) if len(data) < 126 else b"\x81\xfe" + len(data).to_bytes(2, "big")
        )
        assert self._transport is not None
        self._transport.write(head + b"\0\0\0\0" + data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _take_frames(self) -> None:
        while len(self._buffer) >= 2:
            length, start = self._buffer[1] & 0x7F, 2
            if length == 126:
                length, start = int.from_bytes(self._buffer[2:4], "big"), 4
            elif length == 127:
                length, start = int.from_bytes(self._buffer[2:10], "big"), 10
            if len(self._buffer) < start + length:
                return
            opcode, payload = self._buffer[0] & 0x0F, self._buffer[start : start + length]
            self._buffer = self._buffer[start + length :]
            if opcode == PING and self._transport is not None:
                self._transport.write(bytes([0x8A, 0x80 | length]) + b"\0\0\0\0" + payload)
            elif opcode == CLOSE:
                self._fail("the server closed it")
            elif not self.opened.done():
                self.opened.set_result(None)

    def _fail(self, why: str) -> None:
        self.is_closed = True
        if not self.opened.done():
            self.opened.set_exception(ConnectionError(why))


async def open_socket(port: int, cookie: str) -> RawSocket:
    """Connect and wait for the welcome. Raises ConnectionError, TimeoutError."""
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(lambda: RawSocket(port, cookie), "127.0.0.1", port)
    async with asyncio.timeout(30):
        await socket.opened
    return socket
