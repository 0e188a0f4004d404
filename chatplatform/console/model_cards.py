"""The models of the catalogue as a page shows them: what they are, whether they are here, what they do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chatplatform.common.clock import now
from chatplatform.inference.gateway import EngineStatus
from chatplatform.inference.model_files import (
    catalogue,
    model_choice,
    model_services,
    model_store,
    model_work,
)
from chatplatform.inference.model_files.catalogue import CatalogueModel
from chatplatform.inference.model_files.fit import MachineFacts, Suggestion, better_model
from chatplatform.inference.model_files.forecast import Forecast, forecast
from chatplatform.inference.model_files.model_choice import Chosen, Role
from chatplatform.inference.model_files.model_store import Presence
from chatplatform.inference.model_files.quantizing import KINDS
from chatplatform.inference.model_files.speeds import Speed
from chatplatform.jobs.models import JobState
from chatplatform.jobs.queries import JobView, newest_by_key

LABELS: dict[str, Promise] = {"chat": _("Chat"), "quick": _("Titles"), "embedding": _("Embeddings")}


@dataclass(frozen=True, slots=True)
class ModelCard:
    """`roles` are what it is meant to do, `serves` what the engine says that it does now.

    `job` is the fetch, check or other work that runs, or the last one that failed; `note` is what tuning found.
    `can_change` says that its plain file is here to be measured and made anew.
    """

    model: CatalogueModel
    presence: Presence
    roles: tuple[Promise, ...]
    serves: bool
    can_chat: bool
    can_be_quick: bool
    can_be_removed: bool
    is_too_large: bool
    is_coming: bool
    is_encrypted: bool
    can_change: bool
    forecast: Forecast
    job: JobView | None
    note: str

    @property
    def is_busy(self) -> bool:
        return self.job is not None and self.job.can_cancel

    @property
    def is_worked_on(self) -> bool:
        """Whether what runs can be stopped by its button."""
        return self.job is not None and self.job.can_cancel and self.job.kind in model_work.KINDS

    @property
    def kinds(self) -> tuple[str, ...]:
        """The types of weights that it can be made anew with."""
        return tuple(KINDS)


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """A role with the model that has it."""

    role: Role
    label: Promise
    chosen: Chosen
    setting: str
    serving: str


def cards(status: EngineStatus, facts: MachineFacts) -> list[ModelCard]:
    """Every model that people may want, in the order of the catalogue; those for tests last."""
    chosen = model_choice.chosen_models()
    pulls, checks = newest_by_key(model_services.PULL), newest_by_key(model_services.VERIFY)
    works = [newest_by_key(kind) for kind in model_work.KINDS]
    serving = {model.id for model in status.models}
    also = _speeds_of(status)
    models = sorted(catalogue.catalogue(), key=lambda model: "tests" in model.roles)
    found = []
    for model in models:
        presence = model_store.presence(model.id)
        roles = [role for role in model_choice.ROLES if chosen[role].reference == model.id]
        is_embedding = settings.ENVIRONMENT.embedding_model == model.id
        may_answer = model.kind == "chat" and presence == "here" and _engine_is_ours()
        pull = pulls.get(model.id)
        newest = _newest([pull, checks.get(model.id), *(work.get(model.id) for work in works)])
        is_encrypted = model_store.encrypted_file(model) is not None
        found.append(
            ModelCard(
                model=model,
                presence=presence,
                roles=tuple(LABELS[role] for role in [*roles, *(["embedding"] if is_embedding else [])]),
                serves=model.id in serving,
                can_chat=may_answer and "chat" not in roles and chosen["chat"].source != "environment",
                can_be_quick=may_answer and "quick" not in roles and chosen["quick"].source != "environment",
                can_be_removed=presence != "missing" and not model_choice.is_in_use(model.id),
                is_too_large=model.memory_bytes > facts.memory_bytes,
                is_coming=pull is not None and pull.can_cancel,
                is_encrypted=is_encrypted,
                can_change=model.kind == "chat" and presence == "here",
                forecast=forecast(model, facts, also),
                job=_worth_showing(newest),
                note=newest.stage if newest and _found_nothing(newest) else "",
            )
        )
    return found


def choices(status: EngineStatus) -> list[ChoiceView]:
    """The roles of chat models; none where the engine is somebody else's and chooses itself."""
    if not _engine_is_ours():
        return []
    found = []
    for role, chosen in model_choice.chosen_models().items():
        serving = status.model(role)
        found.append(
            ChoiceView(role, LABELS[role], chosen, model_choice.SETTINGS[role], serving.id if serving else "")
        )
    return found


def suggestion(status: EngineStatus, facts: MachineFacts) -> Suggestion | None:
    """A better model for this machine, while the model that answers is one of the catalogue."""
    serving = status.model("chat")
    present = catalogue.find(serving.id) if serving else None
    if serving is None or not _engine_is_ours() or (present and present.own and not present.rank):
        return None  # how good a person's own model is, the catalogue does not know
    found = better_model(
        catalogue.catalogue(),
        present=present,
        writing_tokens_s=serving.writing_tokens_s,
        reading_tokens_s=serving.reading_tokens_s,
        facts=facts,
    )
    if found is None or model_choice.chosen_models()["chat"].source == "environment":
        return None
    return found


def _engine_is_ours() -> bool:
    return not settings.ENVIRONMENT.llm_url


def additions() -> list[JobView]:
    """Files of people's own that are being added, and those of the last day that could not be."""
    recent = now() - timedelta(days=1)
    return [
        job
        for model_id, job in newest_by_key(model_work.ADD).items()
        if catalogue.find(model_id) is None
        and (job.can_cancel or (job.state == JobState.DEAD and job.created_at > recent))
    ]


def _speeds_of(status: EngineStatus) -> dict[str, Speed]:
    """What the engine measured of the models that it serves now."""
    found = {}
    for serving in status.models:
        model = catalogue.find(serving.id)
        if model is not None and serving.reading_tokens_s and serving.writing_tokens_s:
            found[model.files[0].sha256] = Speed(
                reading_tokens_s=serving.reading_tokens_s,
                writing_tokens_s=serving.writing_tokens_s,
                file_bytes=model.files[0].size,
            )
    return found


def _newest(jobs: list[JobView | None]) -> JobView | None:
    return max((job for job in jobs if job), key=lambda job: job.created_at, default=None)


def _worth_showing(newest: JobView | None) -> JobView | None:
    """The newest, while it goes on or when it failed."""
    return newest if newest is not None and (newest.can_cancel or newest.state == JobState.DEAD) else None


def _found_nothing(newest: JobView) -> bool:
    return newest.kind == model_work.TUNE and newest.state == JobState.SUCCEEDED
