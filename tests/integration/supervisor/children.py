"""What tests of the supervisor share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

Script = Callable[[str], tuple[str, ...]]


async def until(condition: Callable[[], object], *, limit_s: float = 10.0) -> None:
    """Wait for `condition`; fails with its name when it does not come."""
    ends_at = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < ends_at, "it did not happen in time"
        await asyncio.sleep(0.01)
