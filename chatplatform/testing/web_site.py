"""A small web site on loopback, for tests of whoever fetches pages; it remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    """What an address answers; `waits` holds the answer back until the site ends."""

    body: bytes = b""
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    waits: bool = False


class WebSite:
    """`pages` by path with query; what is not there is 404. `name` is the host that it answers to in tests."""

    name = "site.test"

    def __init__(self) -> None:
        self.pages: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.at_once = self.most_at_once = 0
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://{self.name}:{self.port}"

    def page(self, path: str, html: str, **more: Any) -> None:
        """A page of HTML; `more` as Answer has it."""
        self.pages[path] = Answer(html.encode(), **more)

    def forget(self) -> None:
        """What was asked so far."""
        self.asked.clear()
        self.headers.clear()

    async def resolve(self, host: str, port: int) -> Collection[str]:
        """A resolver that knows this site alone."""
        if host != self.name:
            raise OSError("no such host")
        return ["127.0.0.1"]


@contextmanager
def serving() -> Iterator[WebSite]:
    """A site that runs until the block ends."""
    site = WebSite()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with site.lock:
                site.asked.append(self.path)
                site.headers.append(dict(self.headers))
                site.at_once += 1
                site.most_at_once = max(site.most_at_once, site.at_once)
            answer = site.pages.get(self.path, Answer(b"<p>none", 404))
            if answer.waits:
                site.ended.wait(30)
            is_same = "ETag" in answer.headers and self.headers["If-None-Match"] == answer.headers["ETag"]
            body = b"" if is_same else answer.body
            with site.lock:
                site.at_once -= 1
            try:
                self.send_response(304 if is_same else answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.kind:
                    self.send_header("Content-Type", answer.kind)
                if not is_same:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # whoever asked went away

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        site.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
