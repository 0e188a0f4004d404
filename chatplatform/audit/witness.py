"""The witness file: every signed checkpoint, one JSON object a line, only ever added to.

It shows a rollback of the whole database, so it is worth what its place is worth: another disk or machine.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from django.conf import settings

from chatplatform.audit.errors import AuditDamaged

_LINE_BYTES: Final = 1024  # a line has some 250
_UNREADABLE: Final = (ValueError, KeyError, TypeError, AttributeError)


class Statement(NamedTuple):
    """A checkpoint as it is signed and witnessed."""

    size: int
    root: bytes
    at: datetime
    key_id: str
    signature: bytes


def witness_path() -> Path:
    """Where the file is: `CHATPLATFORM_AUDIT_WITNESS_FILE`, or `audit-witness.jsonl` in the data folder."""
    return Path(settings.AUDIT_WITNESS_FILE)


def read_witness(path: Path) -> list[Statement]:
    """Every statement in the file, in its order; none when there is no file.

    A last line without its end is one whose writing was cut short, and is left out. Raises AuditDamaged with
    the number of the first line that cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    statements = []
    for number, line in enumerate(lines[:-1], start=1):
        try:
            statements.append(_parse(line))
        except _UNREADABLE as error:
            raise AuditDamaged(f"line {number} of the witness file cannot be read") from error
    return statements


def last_witnessed(path: Path) -> Statement | None:
    """The file's last whole statement, read from its end; None when there is none.

    Raises AuditDamaged when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return _last_statement(file)
    except FileNotFoundError:
        return None


def append_to_witness(path: Path, statements: Iterable[Statement]) -> None:
    """Add what is newer than the file's last statement, and wait until it is on the disk.

    Safe in several processes. Raises OSError when the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        last = _last_statement(file)
        seen = last.size if last else 0
        new = [_line(statement) for statement in statements if statement.size > seen]
        if new:
            _cut_unfinished_line(file)
        file.write(b"".join(new))
        file.flush()
        os.fsync(file.fileno())


def _tail(file: BinaryIO) -> bytes:
    """The file's last bytes: its last whole line, at least, and what follows it."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - 2 * _LINE_BYTES))
    return file.read()


def _last_statement(file: BinaryIO) -> Statement | None:
    tail = _tail(file)
    lines = tail.split(b"\n")[:-1]
    if not lines and len(tail) > _LINE_BYTES:
        raise AuditDamaged("the end of the witness file cannot be read")
    try:
        return _parse(lines[-1]) if lines else None
    except _UNREADABLE as error:
        raise AuditDamaged("the last line of the witness file cannot be read") from error


def _cut_unfinished_line(file: BinaryIO) -> None:
    """Take away what a writer left that died in the middle of its line."""
    tail = _tail(file)
    unfinished = len(tail) - (tail.rfind(b"\n") + 1)
    if unfinished:
        os.ftruncate(file.fileno(), file.seek(0, os.SEEK_END) - unfinished)


def _line(statement: Statement) -> bytes:
    return (
        json.dumps(
            {
                "size": statement.size,
                "root": base64.b64encode(statement.root).decode(),
                "at": statement.at.astimezone(UTC).isoformat(timespec="microseconds"),
                "key_id": statement.key_id,
                "signature": base64.b64encode(statement.signature).decode(),
            }
        ).encode()
        + b"\n"
    )


def _parse(line: bytes) -> Statement:
    fields = json.loads(line)
    return Statement(
        size=int(fields["size"]),
        root=base64.b64decode(fields["root"], validate=True),
        at=datetime.fromisoformat(fields["at"]),
        key_id=str(fields["key_id"]),
        signature=base64.b64decode(fields["signature"], validate=True),
    )
