"""Database work off the event loop.

Django's own bridge runs all such calls of a task in one shared thread; a few threads of our own let turns and
sockets proceed side by side. Each thread keeps its database connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from time import monotonic
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from chatplatform.common import measured

P = ParamSpec("P")
R = TypeVar("R")

THREADS = 4


@lru_cache(maxsize=1)
def _executor() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="database")


def in_thread(function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """`function` as a coroutine function that runs in a database thread, with the caller's context variables.

    A connection that died is noticed and replaced before the call.
    """

    asked_at = monotonic()

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        measured.DATABASE_WAIT_SECONDS.observe(monotonic() - asked_at)
        close_old_connections()
        return function(*args, **kwargs)

    return sync_to_async(call, thread_sensitive=False, executor=_executor())
