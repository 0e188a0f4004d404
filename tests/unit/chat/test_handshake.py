"""Which handshakes come from our own page."""

from __future__ import annotations

import pytest

from chatplatform.chat.handshake import is_same_origin, preferred_language


def scope(
    origin: bytes | None, host: bytes | None = b"127.0.0.1:8000", *more: tuple[bytes, bytes]
) -> dict[str, object]:
    headers = list(more)
    if origin is not None:
        headers.append((b"origin", origin))
    if host is not None:
        headers.append((b"host", host))
    return {"headers": headers}


@pytest.mark.parametrize("origin", [b"http://127.0.0.1:8000", b"https://127.0.0.1:8000"])
def test_our_own_page(origin: bytes) -> None:
    assert is_same_origin(scope(origin))


@pytest.mark.parametrize(
    "origin",
    [
        None,
        b"",
        b"null",
        b"http://127.0.0.1",
        b"http://127.0.0.1:8001",
        b"http://127.0.0.1:8000/",
        b"http://127.0.0.1:8000\x0b",
        b"http://127.0.0.1:8000\x85",
        b"http://127.0.0.1:8000@evil.example",
        b"http://evil.example#127.0.0.1:8000",
        b"file://127.0.0.1:8000",
        b"\xff",
    ],
)
def test_other_pages(origin: bytes | None) -> None:
    assert not is_same_origin(scope(origin))


def test_a_host_that_is_not_ours_does_not_help() -> None:
    assert not is_same_origin(scope(b"http://evil.example", b"evil.example"))
    assert not is_same_origin(scope(b"http://127.0.0.1:8000", None))


def test_two_origins_are_none() -> None:
    assert not is_same_origin(
        scope(b"http://127.0.0.1:8000", b"127.0.0.1:8000", (b"origin", b"http://evil.example"))
    )


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (b"zh-CN,zh;q=0.9,en;q=0.8", "zh-hans"),
        (b"de,en;q=0.5", "en"),
        (b"de", "en"),
        (b"*;q=x", "en"),
        (b"", "en"),
    ],
)
def test_the_browsers_language(header: bytes, language: str) -> None:
    assert preferred_language({"headers": [(b"accept-language", header)]}) == language


def test_the_chosen_language_comes_first() -> None:
    assert preferred_language(
        {"headers": [(b"accept-language", b"en"), (b"cookie", b"django_language=zh-hans")]}
    ) == ("zh-hans")
