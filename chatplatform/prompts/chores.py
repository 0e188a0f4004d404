"""The chores of prompts."""

from __future__ import annotations

import asyncio

from chatplatform.jobs.registry import chore
from chatplatform.prompts.warming import Warmer

_warmer = Warmer()


@chore("prompts.warm", every_s=5, limit_s=1800)
def warm_engine() -> None:
    """Once for each start of the engine, and for each text that is released."""
    asyncio.run(_warmer.warm())
