"""Addresses of engines, as people type them."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import InvalidInput
from chatplatform.inference.endpoints.registry import is_loopback
from chatplatform.inference.models import EngineEndpoint

MOST_CHARS = 300


def parsed_address(typed: str, place: str) -> str:
    """The address as it is kept: http(s) ending in /v1, or unix:///path. Raises InvalidInput, also where the
    address and the place that was named do not go together."""
    typed = typed.strip()
    if not typed or len(typed) > MOST_CHARS or not typed.isprintable() or " " in typed:
        raise _invalid()
    try:
        parts = urlsplit(typed)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _invalid() from None
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(
            "engine_address_has_key", _("Put no password into the address; there is a field for the key.")
        )
    if parts.query or parts.fragment:
        raise _invalid()
    if parts.scheme == "unix":
        if host or not parts.path.startswith("/") or parts.path == "/":
            raise _invalid()
        _require(place == EngineEndpoint.Place.MACHINE)
        return f"unix://{parts.path}"
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise _invalid()
    _require(is_loopback(host) == (place == EngineEndpoint.Place.MACHINE))
    if place == EngineEndpoint.Place.OUTSIDE and parts.scheme != "https":
        raise InvalidInput("engine_address_not_encrypted", _("An engine outside is reached over https only."))
    path = parts.path.rstrip("/")
    return urlunsplit(
        (parts.scheme, parts.netloc.lower(), path if path.endswith("/v1") else f"{path}/v1", "", "")
    )


def _require(fits: bool) -> None:
    if not fits:
        raise InvalidInput(
            "engine_place_wrong",
            _("“On this machine” goes with 127.0.0.1, localhost and Unix sockets, and with nothing else."),
        )


def _invalid() -> InvalidInput:
    return InvalidInput(
        "engine_address_invalid",
        _("This is no address of an engine. Type one such as https://llm.example.org/v1."),
    )
