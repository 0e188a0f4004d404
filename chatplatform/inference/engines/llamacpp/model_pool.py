"""Which models are loaded, and under which names: the best that is there, swapped in while the old one serves.

Others that are offered are loaded when a request names them, as far as the memory goes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar

from chatplatform.common.errors import PlatformError
from chatplatform.inference.engines.llamacpp.load_failures import LoadFailures
from chatplatform.inference.engines.llamacpp.on_demand import Demands, OnDemand, room_refused

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""How often the pool looks for a better model's file."""

CHAT, QUICK = "chat", "quick"


class Served(Protocol):
    @property
    def id(self) -> str: ...
    def close(self) -> None: ...


class ModelLoading(Exception):
    """The model is not there yet; the text says what is going on."""


class ModelUnknown(Exception):
    """No model is served under this name, nor will be."""


class ModelRefused(Exception):
    """The model is there and is not loaded; the text says why."""


S = TypeVar("S", bound=Served)


@dataclass(frozen=True)
class PoolStatus:
    """`progress` of the load that is running, 0 to 1. `problems` name files that could not be used, and why."""

    status: Literal["loading", "ready", "error"]
    detail: str
    progress: float | None
    problems: tuple[str, ...]


# models from best to least, and the one for "quick"
Wishes = tuple[Sequence[str], str]


class ModelPool(Generic[S]):
    """`preferred` names models from best to least; the best whose file is there bears the name "chat".

    `quick` bears the name "quick" once its file is there; until then "quick" is the chat model. Loading happens
    on a thread of the pool's own. A model is freed when it has no name any more and nobody uses it; one that was
    loaded because a request named it, when nobody has for a while, or when its room is needed.
    """

    def __init__(
        self,
        *,
        preferred: Sequence[str],
        quick: str,
        resolve: Callable[[str], Path | None],
        load: Callable[[str, Path, Callable[[float], bool]], S],
        look_s: float = LOOK_S,
        wishes: Callable[[], Wishes | None] | None = None,
        on_demand: OnDemand | None = None,
    ) -> None:
        """`resolve` finds a model's file; `load` gets id, path and a callback for progress.

        `wishes` is asked at every look for what replaces `preferred` and `quick`; None leaves them as they are.
        """
        self._preferred = tuple(dict.fromkeys(preferred))
        self._quick = quick
        self._resolve = resolve
        self._load = load
        self._look_s = look_s
        self._wishes = wishes
        self._on_demand = on_demand
        self._demands = Demands(on_demand.idle_s if on_demand else 0.0)
        self._lock = threading.Lock()
        self._loaded: dict[str, S] = {}
        self._uses: dict[str, int] = {}
        self._chat_id = ""
        self._loading: tuple[str, float] | None = None
        self._failures = LoadFailures()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="model pool", daemon=True)

    # ------------------------------------------------------------------ from any thread

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Give up loading and free every model. Whoever still uses one must have let go before."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            models = list(self._loaded.values())
            self._loaded.clear()
            self._chat_id = ""
        for model in models:
            model.close()

    @contextmanager
    def use(self, name: str) -> Iterator[S]:
        """The model that bears `name`, kept loaded meanwhile. Raises ModelLoading, ModelRefused or ModelUnknown."""
        with self._lock:
            model = self._find(name)
            self._uses[model.id] = self._uses.get(model.id, 0) + 1
        try:
            yield model
        finally:
            with self._lock:
                self._uses[model.id] -= 1
                self._demands.used(model.id)
            self._wake.set()

    def models(self) -> list[tuple[S, tuple[str, ...]]]:
        """Every model that is served, with its names beside its id: none for one loaded on demand."""
        with self._lock:
            wanted = self._demands.wanted()
            served = []
            for model in self._loaded.values():
                aliases = [CHAT] if model.id == self._chat_id else []
                if model.id == self._quick_id():
                    aliases.append(QUICK)
                if aliases or model.id in wanted:
                    served.append((model, tuple(aliases)))
            return served

    def available(self) -> list[str]:
        """Models that are not loaded and would be if a request named them."""
        with self._lock:
            return sorted(self._demands.offered - self._loaded.keys())

    def status(self) -> PoolStatus:
        with self._lock:
            problems = self._failures.messages()
            progress = self._loading[1] if self._loading else None
            if self._chat_id:
                detail = f"{self._chat_id} answers"
                if self._loading:
                    detail += f"; loading {self._loading[0]}"
                return PoolStatus("ready", detail, progress, problems)
            if self._loading:
                return PoolStatus("loading", f"loading {self._loading[0]}", progress, problems)
            if own := self._failures.messages((*self._preferred, self._quick)):
                return PoolStatus("error", own[0], None, problems)
            return PoolStatus("loading", f"waiting for the file of {' or '.join(self._preferred)}", None, ())

    def _quick_id(self) -> str:
        return self._quick if self._quick in self._loaded else self._chat_id

    def _find(self, name: str) -> S:
        model_id = {CHAT: self._chat_id, QUICK: self._quick_id()}.get(name, name)
        if model_id in self._loaded:
            self._demands.used(model_id)
            return self._loaded[model_id]
        if refusal := self._demands.refusal(name):
            raise ModelRefused(refusal)
        if self._demands.ask(name):
            self._wake.set()
            raise ModelLoading(name)
        if name in (CHAT, QUICK, *self._preferred, self._quick):
            raise ModelLoading(name)
        raise ModelUnknown(name)

    # ------------------------------------------------------------------ the pool's thread

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except Exception:
                log.exception("The model pool met an error.")
            self._wake.wait(self._look_s)
            self._wake.clear()

    def look(self) -> None:
        """One round: load what is wanted and can be had, give names, free what has none."""
        self._ask_wishes()
        self._look_at_offers()
        for model_id in self._preferred:
            if self._obtain(model_id):
                with self._lock:
                    before, self._chat_id = self._chat_id, model_id
                if before != model_id:
                    log.info("%s answers as chat%s.", model_id, f" instead of {before}" if before else "")
                break
        if self._quick:
            self._obtain(self._quick)
        self._follow_demands()
        self._free_unused()

    def _look_at_offers(self) -> None:
        if self._on_demand is not None:
            offered = frozenset(self._on_demand.offered())
            with self._lock:
                self._demands.offered = offered

    def _follow_demands(self) -> None:
        """Load what requests have named, the latest first."""
        with self._lock:
            wanted = self._demands.wanted()
        for model_id in reversed(wanted):
            if not self._obtain(model_id):
                with self._lock:
                    if not self._demands.refusal(model_id):
                        reasons = self._failures.messages((model_id,))
                        self._demands.refuse(model_id, *reasons or (f"{model_id}: its file is not whole.",))

    def _ask_wishes(self) -> None:
        wishes = self._wishes() if self._wishes is not None else None
        if wishes is not None:
            with self._lock:
                self._preferred, self._quick = tuple(dict.fromkeys(wishes[0])), wishes[1]
                self._failures.keep({*self._preferred, self._quick, *self._demands.offered})

    def _obtain(self, model_id: str) -> bool:
        """Whether `model_id` is loaded now, after trying."""
        if model_id in self._loaded:
            return True
        path = self._resolve(model_id)
        if path is None or self._stop.is_set():
            return False
        try:
            if self._failures.stands(model_id, path):
                return False
            if not self._make_room(model_id, path):
                return False
            model = self._load(model_id, path, lambda fraction: self._progress(model_id, fraction))
        except (PlatformError, OSError) as error:
            if not self._stop.is_set():
                with self._lock:
                    message = self._failures.note(model_id, path, error)
                log.error("The model %s cannot be used.", message)
            return False
        finally:
            with self._lock:
                self._loading = None
        with self._lock:
            self._failures.forget(model_id)
            self._loaded[model_id] = model
        return True

    def _make_room(self, model_id: str, path: Path) -> bool:
        """Free idle models loaded on demand until `path` fits. True also for what must be tried in any case."""
        rules = self._on_demand
        if rules is None:
            return True
        needed = rules.needed_bytes(path)
        with self._lock:
            kept = (*self._preferred, self._quick, self._chat_id)
            idle = [name for name in self._demands.wanted() if name in self._loaded and name not in kept]
        for name in idle:
            if needed <= rules.available_bytes():
                break
            self._free_one(name)
        available = rules.available_bytes()
        if needed <= available or model_id in kept:
            return True
        with self._lock:
            reason = room_refused(needed, available, self._loaded)
            self._demands.refuse(model_id, f"{model_id}: {reason}")
        log.warning("The model %s is not loaded. %s", model_id, reason)
        return False

    def _free_one(self, model_id: str) -> None:
        """Free a model unless it is used."""
        with self._lock:
            if self._uses.get(model_id):
                return
            model = self._loaded.pop(model_id)
            self._demands.drop(model_id)
        log.info("%s makes room.", model_id)
        model.close()

    def _progress(self, model_id: str, fraction: float) -> bool:
        with self._lock:
            self._loading = (model_id, round(fraction, 2))
        return not self._stop.is_set()

    def _free_unused(self) -> None:
        with self._lock:
            wanted = {self._chat_id, self._quick_id(), *self._demands.wanted()}
            unused = [m for m in self._loaded.values() if m.id not in wanted and not self._uses.get(m.id)]
            for model in unused:
                del self._loaded[model.id]
        for model in unused:
            log.info("%s is no longer needed.", model.id)
            model.close()
