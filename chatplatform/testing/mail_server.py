"""A mail server of our own for tests: takes messages over real SMTP and keeps them."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class TakenMail:
    """`recipients` is what the envelope said; `message` what the letter says."""

    sender: str
    recipients: list[str]
    message: EmailMessage

    @property
    def text(self) -> str:
        return str(self.message.get_content())


@dataclass
class MailServerFake:
    """Listens on loopback. With `account`, it wants AUTH PLAIN; addresses in `refuses` it will not have."""

    account: tuple[str, str] | None = None
    refuses: set[str] = field(default_factory=set)
    taken: list[TakenMail] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        account = f"{self.account[0]}:{self.account[1]}@" if self.account else ""
        return f"smtp://{account}127.0.0.1:{self.port}?tls=none"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, recipients, is_known = "", list[str](), self.account is None
        writer.write(b"220 mail.test\r\n")
        while line := (await reader.readline()).decode(errors="replace").strip():
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    writer.write(b"250-mail.test\r\n250-SMTPUTF8\r\n250 AUTH PLAIN\r\n")
                case "AUTH":
                    said = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
                    is_known = self.account is not None and tuple(said[1:]) == self.account
                    writer.write(b"235 welcome\r\n" if is_known else b"535 no\r\n")
                case "MAIL":
                    sender = rest.partition("<")[2].partition(">")[0]
                    writer.write(b"250 ok\r\n" if is_known else b"530 who are you\r\n")
                case "RCPT":
                    address = rest.partition("<")[2].partition(">")[0]
                    if address in self.refuses:
                        writer.write(b"550 nobody here\r\n")
                    else:
                        recipients.append(address)
                        writer.write(b"250 ok\r\n")
                case "DATA":
                    writer.write(b"354 go on\r\n")
                    raw = (
                        (await reader.readuntil(b"\r\n.\r\n"))
                        .removesuffix(b".\r\n")
                        .replace(b"\r\n..", b"\r\n.")
                    )
                    letter = message_from_bytes(raw, policy=policy.default)
                    assert isinstance(letter, EmailMessage)
                    self.taken.append(TakenMail(sender, recipients, letter))
                    recipients = []
                    writer.write(b"250 taken\r\n")
                case "RSET" | "NOOP":
                    writer.write(b"250 ok\r\n")
                case "QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                case _:
                    writer.write(b"502 what\r\n")
            await writer.drain()
        writer.close()


@contextmanager
def mail_server_running(
    *, account: tuple[str, str] | None = None, refuses: set[str] | None = None
) -> Iterator[MailServerFake]:
    """The server, in a thread of its own with a loop of its own."""
    fake = MailServerFake(account, refuses or set())
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(fake.serve, "127.0.0.1", 0))
    fake.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        # in its own thread: a server that is closed twice at once breaks
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5)
        loop.close()
