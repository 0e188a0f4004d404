"""The models of this machine as rows: what they are, need, take and do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.conf import settings

from chatplatform.inference.model_files import catalogue, model_choice, model_store
from chatplatform.inference.model_files.catalogue_entries import CatalogueModel
from chatplatform.inference.model_files.fit import MachineFacts, machine_facts
from chatplatform.inference.model_files.forecast import Forecast, forecast
from chatplatform.inference.model_files.model_store import Presence
from chatplatform.inference.model_files.speeds import measured


@dataclass(frozen=True, slots=True)
class ModelRow:
    """`chosen_for` are roles that have it; speeds are tokens a second, reckoned unless `measured_on` says when.

    Sizes in bytes; `disk_bytes` is what lies here now.
    """

    id: str
    title: str
    kind: str
    licence: str
    languages: tuple[str, ...]
    context_tokens: int
    download_bytes: int
    memory_bytes: int
    fits: bool
    presence: Presence
    disk_bytes: int
    encrypted: bool
    own: bool
    made_from: str
    chosen_for: tuple[str, ...]
    reading_tokens_s: float | None
    writing_tokens_s: float | None
    measured_on: str


def rows() -> list[ModelRow]:
    """Every model, in the order of the catalogue. Reads no model file."""
    facts, chosen = machine_facts(), model_choice.chosen_or_default()
    roles: dict[str, str] = {role: choice.reference for role, choice in chosen.items()}
    roles["embedding"] = settings.ENVIRONMENT.embedding_model
    return [_row(model, facts, roles) for model in catalogue.catalogue()]


def as_table(found: Sequence[ModelRow]) -> list[str]:
    """Lines for a terminal."""
    head = ("id", "licence", "size", "memory", "context", "read/s", "write/s", "on disk", "is", "languages")
    lines = [head, *(_cells(row) for row in found)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def forecast_lines(model: CatalogueModel, expectation: Forecast, facts: MachineFacts) -> list[str]:
    """What a model would need and do here, in sentences."""
    verdict = "fits" if expectation.fits else "does not fit"
    lines = [
        f"{model.id}: needs {_gb(expectation.memory_bytes)} of memory with {expectation.context_tokens:,} tokens "
        f"of context, and {verdict} into the {_gb(facts.memory_bytes)} of this machine.",
        f"  The most context that fits: {expectation.most_context_tokens:,} of {model.context_tokens:,} tokens.",
    ]
    speed = expectation.speed
    if speed is None:
        return [*lines, "  Speed: unknown, because no model was measured on this machine yet."]
    how = "measured" if expectation.is_measured else "reckoned from the size of one that was measured"
    slow = " That is slow." if expectation.is_slow else ""
    return [
        *lines,
        f"  Speed: reads {speed.reading_tokens_s:.3g} and writes {speed.writing_tokens_s:.3g} tokens a second, "
        f"{how}.{slow}",
    ]


def as_json(found: Sequence[ModelRow]) -> list[dict[str, object]]:
    """The same for programs."""
    return [asdict(row) for row in found]


def _row(model: CatalogueModel, facts: MachineFacts, roles: dict[str, str]) -> ModelRow:
    expectation = forecast(model, facts)
    here = measured(max(model.files, key=lambda file: file.size).sha256)
    speed = expectation.speed
    return ModelRow(
        id=model.id,
        title=model.title,
        kind=model.kind,
        licence=model.licence,
        languages=model.languages,
        context_tokens=model.context_tokens,
        download_bytes=model.download_bytes,
        memory_bytes=expectation.memory_bytes,
        fits=expectation.fits,
        presence=model_store.presence(model.id),
        disk_bytes=model_store.disk_bytes(model.id),
        encrypted=model_store.encrypted_file(model) is not None,
        own=model.own,
        made_from=model.made_from,
        chosen_for=tuple(role for role, reference in roles.items() if reference == model.id),
        reading_tokens_s=round(speed.reading_tokens_s, 1) if speed else None,
        writing_tokens_s=round(speed.writing_tokens_s, 1) if speed else None,
        measured_on=here.measured_on if here else "",
    )


def _cells(row: ModelRow) -> tuple[str, ...]:
    reckoned = "" if row.measured_on else "~"
    states = [*row.chosen_for, *(["own"] if row.own else []), *(["encrypted"] if row.encrypted else [])]
    states += [] if row.presence == "here" else [row.presence]
    states += [] if row.fits else ["too large"]
    return (
        row.id,
        row.licence,
        _gb(row.download_bytes),
        _gb(row.memory_bytes),
        f"{row.context_tokens:,}",
        f"{reckoned}{row.reading_tokens_s:.3g}" if row.reading_tokens_s else "-",
        f"{reckoned}{row.writing_tokens_s:.3g}" if row.writing_tokens_s else "-",
        _gb(row.disk_bytes) if row.disk_bytes else "-",
        ", ".join(states) or "here",
        ", ".join(row.languages),
    )


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
