"""Closes sockets, and stops answers, of people who may no longer be here; one watch for each web process.

An idle socket asks nothing. The watch reads the rows that tell of changed access (accounts/access_changes.py) a few
times a second, whatever the number of sockets, and looks again only at the people whom they name.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from chatplatform.accounts.access_changes import KEPT
from chatplatform.accounts.standing import Standing, people_changed_since
from chatplatform.chat.suspension import stop_turns_without_a_place
from chatplatform.common.clock import now
from chatplatform.common.threads import in_thread

logger = logging.getLogger(__name__)

POLL_S = 0.5
# rows are looked for with an overlap: one may be committed after a later one, and clocks of hosts differ
OVERLAP = timedelta(seconds=60)
CLOSING_S = 1.0


class Guest(Protocol):
    """A connection of somebody who was let in."""

    @property
    def standing(self) -> Standing: ...

    async def sign_out(self) -> None:
        """Show nothing more, and close."""


class AccessWatch:
    """Lives in the event loop: `run` it once."""

    def __init__(self) -> None:
        self._guests: dict[UUID, set[Guest]] = defaultdict(set)
        self._arrived: set[UUID] = set()
        self._seen: dict[int, datetime] = {}
        self._looked_at = now()

    def enter(self, guest: Guest) -> None:
        self._guests[guest.standing.user_id].add(guest)
        self._arrived.add(guest.standing.user_id)

    def leave(self, guest: Guest) -> None:
        user_id = guest.standing.user_id
        self._guests[user_id].discard(guest)
        if not self._guests[user_id]:
            del self._guests[user_id]

    async def run(self) -> None:
        """Watch until cancelled; a failing database is waited out, and what it told meanwhile is made up for."""
        while True:
            try:
                arrived, self._arrived = self._arrived, set()
                changed = await in_thread(self._changed)(arrived)
                if changed:
                    await self._look_again_at(changed)
            except Exception:
                logger.exception("the watch over access failed; it goes on")
            await asyncio.sleep(POLL_S)

    def _changed(self, arrived: set[UUID]) -> set[UUID]:
        moment = now()
        rows = people_changed_since(self._looked_at - OVERLAP)
        # who has just come in may have been checked before the change and entered after the last look
        people = {user_id for row_id, user_id in rows if row_id not in self._seen or user_id in arrived}
        if moment - self._looked_at > KEPT / 2:
            people |= set(self._guests)  # rows of so long ago may be gone
        self._seen = {row_id: moment for row_id, _ in rows}
        self._looked_at = moment
        return people

    async def _look_again_at(self, people: Collection[UUID]) -> None:
        guests = [guest for user_id in people for guest in tuple(self._guests.get(user_id, ()))]
        unwelcome = set(await in_thread(_without_standing)([guest.standing for guest in guests]))
        async with asyncio.TaskGroup() as closing:
            for guest in guests:
                if guest.standing in unwelcome:
                    closing.create_task(_sign_out(guest))
        await in_thread(stop_turns_without_a_place)(people)


def _without_standing(standings: Iterable[Standing]) -> list[Standing]:
    return [standing for standing in set(standings) if not standing.holds()]


async def _sign_out(guest: Guest) -> None:
    try:
        async with asyncio.timeout(CLOSING_S):
            await guest.sign_out()
    except Exception:
        # it is shown nothing more, whether or not the other side hears of it
        logger.warning("a socket could not be closed in time", exc_info=True)
