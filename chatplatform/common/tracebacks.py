"""Tracebacks that are safe to keep and to show: never a word of anybody's content."""

from __future__ import annotations

import traceback
from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.db.utils import OperationalError

from chatplatform.common.errors import PlatformError

# their messages speak of programs, settings and servers
_OF_PROGRAMS: Final = (AttributeError, ImportError, ImproperlyConfigured, NameError, OperationalError)
MOST_DEPTH: Final = 5


def safe_traceback(error: BaseException) -> str:
    """Where it happened, with what caused it: frames and kinds of exceptions, without locals, and with no message but
    one that cannot hold content (see `safe_message`)."""
    return _told(error, set(), 0)


def safe_message(error: BaseException) -> str:
    """What may be said of an exception beside its kind; empty where its message could quote what it was given."""
    if isinstance(error, PlatformError):
        return error.code
    if isinstance(error, OSError):
        return error.strerror or ""  # its files may have names that people gave
    if isinstance(error, _OF_PROGRAMS):
        return str(error).partition("\n")[0]
    return ""


def _told(error: BaseException, seen: set[int], depth: int) -> str:
    parts: list[str] = []
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        kind, message = type(link).__name__, safe_message(link)
        part = "".join(traceback.format_tb(link.__traceback__)) + (f"{kind}: {message}" if message else kind)
        if isinstance(link, BaseExceptionGroup) and depth < MOST_DEPTH:
            inner = [_told(each, seen, depth + 1) for each in link.exceptions]
            part = "\none of them\n".join([part, *inner])
        parts.append(part)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "\ncaused by\n".join(parts)
