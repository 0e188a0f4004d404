"""Whether this web process can take people: what `/readyz` says."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Literal

from django.db import Error as DatabaseError
from django.db import connection

from chatplatform.chat import process
from chatplatform.common.errors import PlatformError
from chatplatform.health.database_state import databases_are_current
from chatplatform.privacy.data_keys import check_key_store

logger = logging.getLogger(__name__)

Reason = Literal["database", "migrations", "key_store", "chat", "draining"]
KEPT_S = 1.0
_OF_THE_PROCESS: dict[process.State, tuple[Reason, ...]] = {
    "running": (),
    "draining": ("draining",),
    "stopped": ("chat",),
}


class Readiness:
    """The reasons why this process is not ready. Asked of the database once a second at most."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: tuple[float, tuple[Reason, ...]] = (-KEPT_S, ())
        self._migrated = False

    def reasons(self) -> tuple[Reason, ...]:
        """Empty when all is well. Never raises."""
        with self._lock:
            if monotonic() - self._kept[0] >= KEPT_S:
                self._kept = (monotonic(), self._of_the_data())
            of_the_data = self._kept[1]
        state = process.state()
        return (*of_the_data, *_OF_THE_PROCESS[state])

    def _of_the_data(self) -> tuple[Reason, ...]:
        if not _holds(_database_answers):
            return ("database",)
        reasons: list[Reason] = []
        # what is migrated stays so as long as this process runs
        self._migrated = self._migrated or _holds(databases_are_current)
        if not self._migrated:
            reasons.append("migrations")
        if not _holds(_key_store_opens):
            reasons.append("key_store")
        return tuple(reasons)


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except (DatabaseError, PlatformError, OSError) as error:
        logger.warning("not ready: %s", type(error).__name__)
        return False


def _database_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _key_store_opens() -> bool:
    check_key_store()
    return True


READINESS = Readiness()
