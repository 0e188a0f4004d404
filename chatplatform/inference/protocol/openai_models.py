"""What a server says that it serves, in whichever words it has for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chatplatform.inference.errors import EngineRefused
from chatplatform.inference.events import EngineModel, RunAs
from chatplatform.inference.protocol.dialects import OPENAI, Dialect, recognised

MOST_MODELS = 1000  # clouds list some hundreds


@dataclass(frozen=True, slots=True)
class ServedModels:
    """`dialect` is what the list tells of the server's kind."""

    models: tuple[EngineModel, ...] = ()
    dialect: Dialect = OPENAI


def served_models(found: Mapping[str, Any]) -> ServedModels:
    """The models in the answer to `GET /v1/models`. Raises EngineRefused for what is no such list."""
    entries = found.get("data")
    if not isinstance(entries, list):
        raise EngineRefused("engine_not_understood")
    named = [
        entry
        for entry in entries
        # ours also lists what it would load if a request named it
        if isinstance(entry, dict) and entry.get("id") and entry.get("state") != "available"
    ][:MOST_MODELS]
    return ServedModels(tuple(map(_model, named)), recognised(named))


def _model(entry: Mapping[str, Any]) -> EngineModel:
    aliases = entry.get("aliases")
    return EngineModel(
        id=str(entry["id"])[:255],
        aliases=tuple(str(alias) for alias in aliases) if isinstance(aliases, list) else (),
        sha256=str(entry.get("sha256") or ""),
        context_tokens=_context(entry),
        reading_tokens_s=_speed(entry.get("reading_tokens_s")),
        writing_tokens_s=_speed(entry.get("writing_tokens_s")),
        run_as=_run_as(entry),
    )


def _run_as(entry: Mapping[str, Any]) -> RunAs | None:
    tuned, layers = entry.get("tuned"), entry.get("gpu_layers")
    if not isinstance(tuned, dict) or not isinstance(layers, int):
        return None
    threads = tuned.get("threads")
    if not isinstance(threads, int):
        return None
    return RunAs(threads, layers, str(tuned.get("kv_type", "")), bool(tuned.get("measured")))


def _context(entry: Mapping[str, Any]) -> int | None:
    """Ours has a name for it, vLLM another; llama-server tells what the model was trained for and, newer ones,
    what a request may have."""
    meta = entry.get("meta")
    told = (
        entry.get("context_tokens"),
        entry.get("max_model_len"),
        *((meta.get("n_ctx"), meta.get("n_ctx_train")) if isinstance(meta, dict) else ()),
    )
    return next((each for each in told if isinstance(each, int) and each > 0), None)


def _speed(told: object) -> float | None:
    return float(told) if isinstance(told, int | float) and told > 0 else None
