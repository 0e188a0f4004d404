"""Addresses of pages: one way to write each, and which of them belong to a site."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

from django.conf import settings

MOST_CHARS: Final = 1_000
_PORTS: Final = {"http": 80, "https": 443}
# says from where a reader came, never what stands on the page
_TRACKING: Final = re.compile(r"utm_\w+|gclid|fbclid|msclkid|mc_cid|mc_eid", re.IGNORECASE)
# what a path may hold as it is; %XX of anything else is left as it was sent
_PATH_SAFE: Final = "/:@!$&'()*+,;=~-._%"


def canonical(address: str, base: str = "") -> str:
    """The address (of a link on `base`) in its one way: lower-case host, no fragment, no default port, no dots in the
    path, nothing that only says where a reader came from. Empty for what is no address of the web."""
    try:
        joined = urljoin(base, address.strip()) if base else address.strip()
        parts = urlsplit(joined)
        host, port, query = parts.hostname or "", parts.port, _query(parts.query)
    except ValueError:
        return ""
    if parts.scheme not in _PORTS or not host or parts.username is not None or parts.password is not None:
        return ""
    name = _host(host)
    if not name:
        return ""
    place = name if port in (None, _PORTS[parts.scheme]) else f"{name}:{port}"
    found = urlunsplit((parts.scheme, place, _path(parts.path), query, ""))
    return found if len(found) <= MOST_CHARS and found.isprintable() else ""


def host_of(address: str) -> str:
    return urlsplit(address).hostname or ""


def is_permitted(host: str) -> bool:
    """Whether the operator permits pages of this host: by name, or by `.example.org` with all below it."""
    for permitted in settings.ENVIRONMENT.web_page_hosts:
        name = permitted.lower()
        if host == name.removeprefix(".") or (name.startswith(".") and host.endswith(name)):
            return True
    return False


@dataclass(frozen=True, slots=True)
class Reach:
    """What belongs to a site: pages of the start's host and port, below `prefix`, and the start itself."""

    start: str = field(repr=False)
    prefix: str = field(default="", repr=False)

    def is_same_host(self, address: str) -> bool:
        """A site that went from http to https is still the same one, back it is not."""
        start, other = urlsplit(self.start), urlsplit(address)
        if start.hostname != other.hostname:
            return False
        if (start.scheme, start.port) == (other.scheme, other.port):
            return True
        return (start.scheme, start.port, other.scheme, other.port) == ("http", None, "https", None)

    def holds(self, address: str) -> bool:
        if address == self.start:
            return True
        if not self.is_same_host(address):
            return False
        prefix = self.prefix.rstrip("/")
        path = urlsplit(address).path
        return not prefix or path == prefix or path.startswith(prefix + "/")


def checked_prefix(prefix: str) -> str:
    """A path as it is compared; empty for the whole host."""
    path = _path(prefix.strip()) if prefix.strip() else ""
    return path if path != "/" else ""


def _host(host: str) -> str:
    host = host.rstrip(".").lower()
    if ":" in host:
        return f"[{host}]"
    try:
        name = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return name if re.fullmatch(r"[a-z0-9_.-]+", name) else ""


def _path(path: str) -> str:
    kept: list[str] = []
    segments = quote(path, safe=_PATH_SAFE).removeprefix("/").split("/")
    for segment in segments:
        plain = segment.lower().replace("%2e", ".")
        if plain == "..":
            del kept[-1:]
        elif plain != ".":
            kept.append(segment)
    if segments[-1].lower().replace("%2e", ".") in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _query(query: str) -> str:
    """Raises ValueError for more fields than a page has use for."""
    if not query:
        return ""
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=100)
    if not any(_TRACKING.fullmatch(name) for name, _ in pairs):
        return quote(query, safe=_PATH_SAFE + "?")
    return urlencode([(name, value) for name, value in pairs if not _TRACKING.fullmatch(name)])
