"""The acts of `manage.py models` that make files or measure them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any

from django.core.management.base import CommandError, OutputWrapper
from django.db import transaction

from chatplatform.audit.catalogue import AuditEventType
from chatplatform.common.actors import Actor
from chatplatform.inference.audit_events import (
    MODEL_ADDED,
    MODEL_DECRYPTED,
    MODEL_ENCRYPTED,
    MODEL_QUANTISED,
)
from chatplatform.inference.management.progress_lines import ProgressLines
from chatplatform.inference.model_files import (
    benchmarking,
    catalogue,
    model_sealing,
    model_store,
    own_files,
    quantizing,
    speeds,
)
from chatplatform.inference.model_files.catalogue_entries import CatalogueModel
from chatplatform.inference.model_files.model_store import home_of
from chatplatform.inference.model_files.model_work import keep_own, record_act
from chatplatform.inference.model_files.question_score import question_score
from chatplatform.inference.model_files.tuning import Measured, tune


class Making:
    """`options` are those of the command line."""

    def __init__(self, out: OutputWrapper, actor: Actor, options: dict[str, Any]) -> None:
        self._out = out
        self._actor = actor
        self._options = options

    def add(self) -> None:
        """Bring a person's file; what they did not say is asked on a terminal, or taken from the file."""
        options = self._options
        own = own_files.look_into(options["file"])
        title = options["name"] or self._ask("Title for people", own.title)
        licence = options["licence"] or self._ask("Licence under which you have it", own.licence)
        if not licence:
            raise CommandError("The file does not name its licence. Say it: --licence NAME")
        model = own_files.bring(
            own,
            model_id=own_files.id_for(options["id"] or own.model_id),
            title=title,
            licence=licence,
            languages=tuple(code.strip() for code in options["languages"].split(",") if code.strip()),
            way="copy" if options["copy"] else "link",
            report=self._report(own.model_id, "reading"),
        )
        self._keep(model, MODEL_ADDED)
        self._out.write(
            f"{model.id} is here, {model.files[0].size / 1e6:,.0f} MB, SHA-256 {model.files[0].sha256}"
        )

    def bench(self, model_ids: Sequence[str]) -> None:
        for model_id in model_ids:
            speed = benchmarking.bench(model_id, self._report(model_id, "measuring"))
            self._out.write(
                f"{model_id}: reads {speed.reading_tokens_s:.0f} and writes {speed.writing_tokens_s:.0f} tokens a "
                f"second here ({speeds.machine_name()})"
            )

    def probe_once(self) -> None:
        """Measure the smallest chat model that is here, unless something was measured on this machine before."""
        here = [
            model
            for model in catalogue.catalogue()
            if model.kind == "chat" and model_store.presence(model.id) in {"here", "unread"}
        ]
        if not here or any(speeds.measured(model.files[0].sha256) for model in catalogue.catalogue()):
            return
        self.bench([min(here, key=lambda model: model.files[0].size).id])

    def quantize(self, model_id: str, kind: str) -> None:
        before = catalogue.get(model_id).files[0].size
        model = quantizing.quantize(model_id, kind, self._report(model_id, f"writing {kind}"))
        self._keep(model, MODEL_QUANTISED)
        self._out.write(
            f"{model.id} is here: {model.files[0].size / 1e6:,.0f} MB instead of {before / 1e6:,.0f}"
        )

    def tune(self, model_id: str, kinds: Sequence[str], *, questions: bool) -> None:
        lines = ProgressLines(self._out, model_id, as_json=self._as_json)
        tuned = tune(model_id, kinds, lines.show)
        lines.end("measured")
        self._out.write(f"{'':32}{'MB':>8}{'reads/s':>10}{'writes/s':>10}{'a turn':>10}")
        for one in (tuned.before, *tuned.tried):
            self._out.write(_speeds_line(one))
        if tuned.kept is None:
            self._out.write("None is faster by a tenth for a question with sources; nothing was kept.")
            return
        kept = tuned.kept.model
        self._keep(kept, MODEL_QUANTISED)
        if questions:
            self._quality(tuned.before.model, kept)
        self._out.write(f"{kept.id} is kept. Have it answer: manage.py models choose {kept.id}")

    def _quality(self, before: CatalogueModel, after: CatalogueModel) -> None:
        self._out.write("Asking both the sixty questions…")
        self._out.flush()
        scores = []
        for model in (before, after):
            path = model_store.model_path(model.id)
            assert path is not None
            scores.append(question_score(path))
        self._out.write(f"Right answers: {before.id} {scores[0]:.0%}, {after.id} {scores[1]:.0%}")

    def encrypt(self, model_id: str) -> None:
        if model_sealing.seal(model_id, self._report(model_id, "encrypting")):
            self._out.write("The same file has another name elsewhere on this disk, where it is still plain.")
        self._record(MODEL_ENCRYPTED, model_id)
        self._out.write(f"{model_id} is encrypted; the engine opens it in memory only.")

    def decrypt(self, model_id: str) -> None:
        model_sealing.unseal(model_id, self._report(model_id, "decrypting"))
        self._record(MODEL_DECRYPTED, model_id)
        self._out.write(f"{model_id} lies plainly on the disk again.")

    @property
    def _as_json(self) -> bool:
        return bool(self._options.get("json_progress"))

    def _report(self, model_id: str, detail: str) -> Callable[[float], None]:
        lines = ProgressLines(self._out, model_id, as_json=self._as_json)
        return lambda fraction: lines.show(fraction, detail)

    def _ask(self, question: str, default: str) -> str:
        if self._as_json or not sys.stdin.isatty():
            return default
        return input(f"{question}{f' [{default}]' if default else ''}: ").strip() or default

    def _keep(self, model: CatalogueModel, event: AuditEventType) -> None:
        try:
            with transaction.atomic():
                keep_own(model, event, actor=self._actor)
        except BaseException:
            shutil.rmtree(home_of(model), ignore_errors=True)
            raise

    def _record(self, event: AuditEventType, model_id: str) -> None:
        with transaction.atomic():
            record_act(event, model_id, {}, actor=self._actor)


def _speeds_line(one: Measured) -> str:
    size = one.model.files[0].size / 1e6
    speed = f"{one.reading_tokens_s:>10.0f}{one.writing_tokens_s:>10.1f}{one.turn_s:>8.1f} s"
    return f"{one.model.id:32}{size:>8,.0f}{speed}"
