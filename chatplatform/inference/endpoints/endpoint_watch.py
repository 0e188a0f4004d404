"""Looks after the engines beside the machine's own, in the process that asks them: reads their rows anew, and asks
those that are due how they are.

One on this machine is asked every few seconds. One elsewhere only while it is in use and its circuit is open, to
learn when it is back: each question leaves the machine and goes on record, and calls tell the rest.
"""

from __future__ import annotations

import asyncio
import logging
from time import monotonic

from django.db import DatabaseError

from chatplatform.common.errors import PlatformError
from chatplatform.inference.endpoints import engines_in_use, registry
from chatplatform.inference.endpoints.endpoint_choice import EndpointState, heard, learn, state_of
from chatplatform.inference.endpoints.outbound import HEALTH, Cause
from chatplatform.inference.endpoints.registry import Endpoint
from chatplatform.inference.errors import EngineUnavailable

logger = logging.getLogger(__name__)

EVERY_S = 2.0
LOCAL_EVERY_S = 10.0
IN_USE_S = 600.0
PROBE_S = 5.0


async def watch() -> None:
    """Until it is cancelled."""
    while True:
        try:
            await look()
        except (DatabaseError, PlatformError):
            logger.exception("the engines could not be looked after; it is tried again")
        await asyncio.sleep(EVERY_S)


async def look() -> None:
    """One round."""
    await registry.refresh()
    due = [each for each in registry.endpoints() if not each.is_own and _is_due(each, state_of(each))]
    await asyncio.gather(*(_probe(endpoint) for endpoint in due))


def _is_due(endpoint: Endpoint, state: EndpointState) -> bool:
    moment = monotonic()
    if state.breaker.state == "half_open":
        in_use = state.used_at is not None and moment - state.used_at < IN_USE_S
        return state.breaker.admits and (endpoint.is_local or in_use)
    if state.breaker.state == "open" or not endpoint.is_local:
        return False
    return state.heard_at is None or moment - state.heard_at >= LOCAL_EVERY_S


async def _probe(endpoint: Endpoint) -> None:
    state_of(endpoint).breaker.begin()
    try:
        await ask(endpoint, HEALTH)
    except PlatformError as error:
        learn(endpoint, error)
    except BaseException:
        state_of(endpoint).breaker.left()
        raise
    else:
        heard(endpoint)


async def ask(endpoint: Endpoint, cause: Cause) -> list[str]:
    """The ids of the models that it says it has. Raises EngineUnavailable, EngineRefused, AuditUnavailable."""
    try:
        async with asyncio.timeout(PROBE_S):
            served = await engines_in_use.client_of(endpoint, cause).models()
    except TimeoutError as error:
        raise EngineUnavailable("engine_silent") from error
    return [model.id for model in served.models]
