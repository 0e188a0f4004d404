"""The one door for outbound mail: to the server that the operator named, encrypted, recorded first.

Naming a server is the permission; without one nothing is sent. What is recorded is that a message left and for which
purpose, never to whom or what it said.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field
from email.errors import MessageError
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPSenderRefused
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.environment.mail_server import MailServer
from chatplatform.privacy.addresses import is_reachable
from chatplatform.privacy.audit_events import MAIL_REQUESTED
from chatplatform.privacy.errors import EgressFailed, EgressRefused
from chatplatform.privacy.outbound.recording import count_outbound

TIMEOUT_S: Final = 20


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in plain text to one address."""

    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)


def send_mail(letter: Letter, *, purpose: str, actor: Actor, workspace_id: UUID | None) -> None:
    """Hand one message to the mail server.

    Raises EgressRefused when no server is named, or it may not be reached, or would be sent secrets in clear, or
    will not have this message; EgressFailed when it does not answer; AuditUnavailable, and then nothing was sent.
    """
    server: MailServer | None = settings.MAIL_SERVER
    reason = _judge(server)
    with transaction.atomic():
        record(
            MAIL_REQUESTED,
            actor=actor,
            workspace_id=workspace_id,
            target=Target("host", server.host[:100]) if server else None,
            details={"purpose": purpose, "port": server.port if server else None, "reason": reason},
            outcome="refused" if reason else "ok",
        )
        if server is not None and not reason and not _is_here(server):
            count_outbound(
                host=server.host,
                purpose=f"mail.{purpose}",
                actor=actor,
                workspace_id=workspace_id,
                conversation_id=None,
                sent_bytes=len(letter.text.encode()),
            )
    if server is None or reason:
        raise EgressRefused(f"mail_{reason}", _REASONS[reason])
    backend = _backend(server)
    try:
        backend.send_messages([_message(letter)])
    except (SMTPRecipientsRefused, SMTPSenderRefused, MessageError, ValueError) as error:
        raise EgressRefused(
            "mail_refused", _("The mail server did not accept this address or sender.")
        ) from error
    except (SMTPException, OSError) as error:
        raise EgressFailed(
            "mail_failed",
            _("The mail server could not be reached or refused the sign-in. Check CHATPLATFORM_EMAIL_URL."),
        ) from error
    finally:
        backend.close()


_REASONS: Final = {
    "no_server": _("No mail server is set. Set CHATPLATFORM_EMAIL_URL, or send the link yourself."),
    "host_not_found": _("The mail server's name is not known. Check CHATPLATFORM_EMAIL_URL."),
    "address_not_permitted": _("The mail server's address is one that nothing may be sent to."),
    "not_encrypted": _(
        "Mail to a server outside this network must be encrypted: use ?tls=starttls or ?tls=tls."
    ),
}


def _judge(server: MailServer | None) -> str:
    """Why nothing may be sent there; empty when it may."""
    if server is None:
        return "no_server"
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(entry[4][0])) for entry in found]
    except (OSError, ValueError):
        return "host_not_found"
    if not all(is_reachable(address, allow_private=True) for address in addresses):
        return "address_not_permitted"
    is_outside = any(is_reachable(address, allow_private=False) for address in addresses)
    return "not_encrypted" if is_outside and server.encryption == "none" else ""


def _is_here(server: MailServer) -> bool:
    """Whether the server is this machine: then nothing has left it yet."""
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
        return all(ipaddress.ip_address(str(entry[4][0])).is_loopback for entry in found)
    except (OSError, ValueError):
        return False


def _backend(server: MailServer) -> EmailBackend:
    return EmailBackend(
        host=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.encryption == "starttls",
        use_ssl=server.encryption == "tls",
        timeout=TIMEOUT_S,
    )


def _message(letter: Letter) -> EmailMessage:
    # Django refuses line breaks in headers; a display name is never put there, so no name can be one
    return EmailMessage(
        subject=" ".join(letter.subject.split()),
        body=letter.text,
        from_email=settings.MAIL_FROM,
        to=[letter.to],
        headers={"Auto-Submitted": "auto-generated"},
    )
