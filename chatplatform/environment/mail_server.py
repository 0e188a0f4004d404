"""The mail server that the operator names. Without one, nothing is ever mailed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

Encryption = Literal["starttls", "tls", "none"]
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where messages go out. `encryption` is on unless the address says `?tls=none`."""

    host: str
    port: int
    encryption: Encryption
    user: str = ""
    password: str = field(default="", repr=False)


def mail_server(url: str) -> MailServer | None:
    """Parse `smtp://user:password@host:587?tls=starttls` (or `smtps://…`); None when it is empty.

    `tls` is `starttls` (the default), `tls` or `none`. Raises ValueError for anything else.
    """
    if not url:
        return None
    parts = urlsplit(url)
    asked = parse_qs(parts.query, strict_parsing=bool(parts.query))
    default = "tls" if parts.scheme == "smtps" else "starttls"
    encryption = asked.pop("tls", [default])[-1]
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or asked or encryption not in _PORTS:
        raise ValueError(
            "CHATPLATFORM_EMAIL_URL is not understood: write it like smtp://user:password@host:587?tls=starttls "
            "(tls may be starttls, tls or none)"
        )
    chosen: Encryption = encryption  # type: ignore[assignment]  # one of _PORTS, which are its values
    return MailServer(
        host=parts.hostname,
        port=parts.port or _PORTS[encryption],
        encryption=chosen,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
