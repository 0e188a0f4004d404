"""A load balancer for the tests: each connection goes to the next backend that answers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import cycle


class RoundRobin:
    """`async with RoundRobin([port, …]) as proxy` listens on `proxy.port` of 127.0.0.1."""

    def __init__(self, backends: list[int]) -> None:
        self._backends = backends
        self._order = cycle(range(len(backends)))
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0
        self.served: list[int] = []

    async def __aenter__(self) -> RoundRobin:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        first = next(self._order)
        for step in range(len(self._backends)):
            port = self._backends[(first + step) % len(self._backends)]
            try:
                upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            self.served.append(port)
            await asyncio.gather(_pump(reader, upstream_writer), _pump(upstream_reader, writer))
            return
        writer.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy until one side ends; then the other one ends too."""
    with suppress(ConnectionError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    with suppress(ConnectionError, RuntimeError):
        target.close()
