"""Wakes the tails of all web processes at once when something was announced; only where Redis is set.

The rows are the truth and every tail looks at them regularly: a wake-up that is lost costs a moment, nothing else.
So nothing waits for Redis, and its failures are logged and forgotten.
"""

from __future__ import annotations

import asyncio
import logging
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from redis import Redis

# redis is imported where it is used: it costs 17 MB that most installations do not need.

logger = logging.getLogger(__name__)

CHANNEL = "chatplatform:announced"
PATIENCE_S = 0.2
RETRY_S = 1.0


def ring() -> None:
    """Tell every web process to look at the announcements now. Called after the commit; never raises."""
    if not settings.REDIS_URL:
        return
    from redis.exceptions import RedisError

    try:
        _publisher().publish(CHANNEL, b"")
    except RedisError as error:
        logger.warning("nobody was woken: %s; tails look by themselves", type(error).__name__)


async def listen(woken: asyncio.Event) -> None:
    """Set `woken` at each ring, until cancelled; waits for a Redis that is away. Returns at once where none is set."""
    if not settings.REDIS_URL:
        return
    from redis.asyncio import Redis as AsyncRedis
    from redis.exceptions import RedisError

    while True:
        try:
            async with (
                AsyncRedis.from_url(settings.REDIS_URL, health_check_interval=15) as redis,
                redis.pubsub(ignore_subscribe_messages=True) as subscription,
            ):
                await subscription.subscribe(CHANNEL)
                woken.set()  # what was announced while nobody listened
                async for _ in subscription.listen():
                    woken.set()
        except (RedisError, OSError) as error:
            logger.warning("Redis is away (%s): tails look by themselves", type(error).__name__)
        await asyncio.sleep(RETRY_S)


@lru_cache(maxsize=1)
def _publisher() -> Redis:
    from redis import Redis

    return Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S)
