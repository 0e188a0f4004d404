"""Which engine is asked: the first in order that is well, the least busy among equals. Known to this process alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from time import monotonic

from chatplatform.common.errors import PlatformError
from chatplatform.inference.endpoints.circuit_breaker import BreakerState, CircuitBreaker
from chatplatform.inference.endpoints.registry import Endpoint, endpoints
from chatplatform.inference.errors import EngineRefused, EngineUnavailable, QueueFull
from chatplatform.inference.protocol.continuation import AnswerNotContinued

# What the next request would meet too, whatever it asks.
FOR_CERTAIN = {
    "engine_address_not_permitted",
    "engine_model_unknown",
    "engine_no_credit",
    "engine_not_trusted",
    "engine_not_understood",
    "engine_unauthorized",
}


@dataclass
class EndpointState:
    """How an engine has been doing. `error` is the code of its last failure, empty since it answered."""

    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    in_flight: int = 0
    picked: int = 0
    busy_until: float = 0.0
    error: str = ""
    used_at: float | None = None
    heard_at: float | None = None

    @property
    def is_well(self) -> bool:
        return self.breaker.admits and monotonic() >= self.busy_until


_states: dict[tuple[str, str], EndpointState] = {}
_picks = count(1)
_lock = Lock()


def state_of(endpoint: Endpoint) -> EndpointState:
    """What this process knows; another address is another engine."""
    return _states.setdefault((endpoint.id, endpoint.url), EndpointState())


def breaker_states() -> list[BreakerState]:
    """The states of all engines that are switched on, for the metrics."""
    return [state_of(endpoint).breaker.state for endpoint in endpoints()]


def choose(model: str, *, besides: Collection[str] = (), must_continue: bool = False) -> Endpoint | None:
    """The engine to ask for `model`; `besides` are ids of those that have failed already.

    Without one that is well, gives the one that will be tried again first: somebody has to be asked, or to refuse.
    None when nobody serves the model. `must_continue` leaves out those that cannot go on in the middle of an answer.
    """
    found = [
        each
        for each in endpoints()
        if each.serves(model) and each.id not in besides and not (must_continue and not can_continue(each))
    ]
    well = [each for each in found if state_of(each).is_well]
    if not well:
        return min(found, key=lambda each: (not each.is_local, each.order), default=None)
    with _lock:
        best = min(well, key=lambda each: (each.order, state_of(each).in_flight, state_of(each).picked))
        state_of(best).picked = next(_picks)
    return best


def can_continue(endpoint: Endpoint) -> bool:
    """Whether it can go on in the middle of an answer, as far as is known."""
    return endpoint.dialect is None or endpoint.dialect.continuation != "restart"


def may_ask(endpoint: Endpoint) -> bool:
    """Whether a request may pass now. One on this machine may always be asked: that costs nothing but an answer."""
    return endpoint.is_local or state_of(endpoint).breaker.admits


@contextmanager
def in_use(endpoint: Endpoint) -> Iterator[None]:
    """Count a call while it runs, and learn from how it ends."""
    state = state_of(endpoint)
    with _lock:
        state.breaker.begin()
        state.in_flight += 1
        state.used_at = monotonic()
    try:
        yield
    except PlatformError as error:
        learn(endpoint, error)
        raise
    except BaseException:
        state.breaker.left()
        raise
    else:
        heard(endpoint)
    finally:
        with _lock:
            state.in_flight -= 1


def heard(endpoint: Endpoint) -> None:
    """It answered."""
    state = state_of(endpoint)
    state.breaker.succeeded()
    state.error, state.busy_until, state.heard_at = "", 0.0, monotonic()


def learn(endpoint: Endpoint, error: PlatformError) -> None:
    """Take from an error what it says of the engine, and not of the request."""
    state = state_of(endpoint)
    match error:
        case QueueFull():
            state.busy_until = monotonic() + (error.retry_after_s or 1.0)
            state.breaker.left()
        case EngineUnavailable(code="model_loading"):
            state.busy_until = monotonic() + 1.0
            state.breaker.left()
        case EngineUnavailable():
            state.error = error.code
            state.breaker.failed()
        case EngineRefused() if error.code in FOR_CERTAIN:
            state.error = error.code
            state.breaker.failed(for_certain=True)
        case _:
            state.breaker.left()


def is_the_engines(error: PlatformError) -> bool:
    """Whether another engine may do better with the same request."""
    if isinstance(error, EngineUnavailable | QueueFull | AnswerNotContinued):
        return True
    return isinstance(error, EngineRefused) and error.code in FOR_CERTAIN
