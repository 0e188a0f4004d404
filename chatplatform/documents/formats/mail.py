"""E-mail (.eml) and saved pages (.mht): who wrote, about what, and the text; attachments by name only."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage, MIMEPart

from chatplatform.documents.blocks import Block
from chatplatform.documents.formats.failures import Unreadable
from chatplatform.documents.formats.markup import html_blocks
from chatplatform.documents.formats.plain import decoded, read_text

_TOLD = ("From", "To", "Cc", "Date", "Subject")


def read_mail(data: bytes) -> Iterator[Block]:
    try:
        message = message_from_bytes(data, policy=policy.default)
        assert isinstance(message, EmailMessage)
        head = [f"{name}: {' '.join(str(message[name]).split())}" for name in _TOLD if message[name]]
        if not head:
            yield from read_text(data)
            return
        yield Block("\n".join(head), "text")
        body = message.get_body(preferencelist=("plain", "html"))
        if body is not None:
            text = _text(body)
            if body.get_content_subtype() == "html":
                yield from html_blocks(text)
            else:
                yield from read_text(text.encode("utf-8", "replace")) if text.strip() else iter(())
        names = [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]
        if names:
            yield Block("\n".join(f"- {name}" for name in names), "list")
    except (MessageError, LookupError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise Unreadable("damaged") from error


def _text(body: MIMEPart) -> str:
    payload = body.get_payload(decode=True)
    return decoded(payload, hint=body.get_content_charset() or "") if isinstance(payload, bytes) else ""
