"""Somebody's browser as the API sees it, before a real web process."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from chatplatform.sharing.limits import PIECE_BYTES
from chatplatform.testing.site_process import SiteProcesses


@contextmanager
def api_of(site: SiteProcesses, cookie: str) -> Iterator[httpx.Client]:
    """A client that is signed in with this session cookie."""
    with httpx.Client(base_url=site.url, headers={"Cookie": cookie}, timeout=30) as http:
        token = http.get("/").cookies["csrftoken"]
        http.cookies.clear()
        http.headers.update({"Cookie": f"{cookie}; csrftoken={token}", "X-CSRFToken": token})
        yield http


def upload(http: httpx.Client, content: bytes, name: str = "tents.txt") -> httpx.Response:
    headers = {"Content-Type": "application/octet-stream", "X-File-Name": name}
    return http.post("/api/files", content=content, headers=headers)


def begin_import(http: httpx.Client, data: bytes) -> str:
    """Send a file of conversations and have it read; the address of its report."""
    begun = http.post("/api/imports", json={"size_bytes": len(data)})
    assert begun.status_code == 201, begun.text
    address = f"/api/imports/{begun.json()['id']}"
    for number in range(begun.json()["pieces"]):
        assert send_piece(http, address, data, number).status_code == 200
    assert http.post(f"{address}/start", json={}).status_code == 202
    return address


def send_piece(http: httpx.Client, address: str, data: bytes, number: int) -> httpx.Response:
    piece = data[number * PIECE_BYTES : (number + 1) * PIECE_BYTES]
    body: dict[str, Any] = {"number": number, "data": base64.b64encode(piece).decode()}
    return http.post(f"{address}/pieces", json=body)
