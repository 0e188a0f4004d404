"""What a websocket handshake tells of the other side, and whether to let it in.

Browsers send cookies along with any site's handshake, so the origin is all that tells our page from another's
(cross-site websocket hijacking). It must be this very site: same scheme, host and port.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.cookie import parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils.translation import get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


def header(scope: Scope, name: bytes) -> str | None:
    """The header's value; None when it is missing or sent more than once."""
    values = [value for key, value in scope.get("headers", ()) if key.lower() == name]
    return values[0].decode("latin-1") if len(values) == 1 else None


def is_same_origin(scope: Scope) -> bool:
    """Whether the page that opens this socket is ours: its origin is the address that it asked, or the public one."""
    origin, host = header(scope, b"origin"), header(scope, b"host")
    if origin is None or host is None or not origin.isprintable() or not host.isprintable():
        return False
    domain, _port = split_domain_port(host)
    if not validate_host(domain, settings.ALLOWED_HOSTS):
        return False
    if origin == settings.PUBLIC_URL:
        return True
    try:
        parts = urlsplit(origin)
        is_address = parts.port is None or parts.port > 0
    except ValueError:  # brackets that do not close, a port that is none
        return False
    if not is_address or parts.path or parts.query:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower()


class SameOriginOnly:
    """ASGI middleware: other sites' handshakes are refused before anything is read (403)."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        if is_same_origin(scope):
            await self.app(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 4403})


async def nowhere(
    scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """The ASGI application of every address at which there is no socket (403)."""
    await send({"type": "websocket.close", "code": 4404})


def client_address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def session_key(scope: Scope) -> str:
    """The session that the handshake comes with; empty when it brings none."""
    return _cookie(scope, settings.SESSION_COOKIE_NAME)


def _cookie(scope: Scope, name: str) -> str:
    return parse_cookie(header(scope, b"cookie") or "").get(name, "")


def preferred_language(scope: Scope) -> str:
    """The language that the browser asks for, by cookie or header, or the site's."""
    chosen = _cookie(scope, settings.LANGUAGE_COOKIE_NAME)
    wishes = [chosen] if chosen else []
    wishes += [code for code, _ in parse_accept_lang_header(header(scope, b"accept-language") or "")]
    for wish in wishes:
        try:
            return get_supported_language_variant(wish)
        except LookupError:
            continue
    return str(settings.LANGUAGE_CODE)
