"""The form of an assistant: fields for a page, a spec for the services."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts.queries import groups
from chatplatform.common.errors import InvalidInput
from chatplatform.console.engines import language_engine
from chatplatform.inference.events import Sampling
from chatplatform.knowledge.models import AssistantKnowledge
from chatplatform.knowledge.queries import assistant_use, collection_list
from chatplatform.prompts.assistant_changes import MAX_DESCRIPTION_CHARS, MAX_STARTERS, AssistantSpec
from chatplatform.prompts.models import Assistant, AssistantGroup, Prompt
from chatplatform.prompts.releases import MAX_NAME_CHARS
from chatplatform.prompts.sampling import parse_sampling

_DEFAULTS = Sampling()
# name, label, help, whether a whole number, smallest, largest, step
SAMPLING_FIELDS = (
    ("temperature", _("Temperature"), _("0 is sober, 1 lively; up to 2."), False, 0, 2, 0.05),
    ("top_p", _("Top P"), _("Keep the likeliest words up to this share, 0.01 to 1."), False, 0.01, 1, 0.01),
    ("top_k", _("Top K"), _("Keep this many likeliest words, 0 for all; up to 1000."), True, 0, 1000, 1),
    ("min_p", _("Min P"), _("Drop words this much less likely than the best, 0 to 1."), False, 0, 1, 0.01),
    (
        "repeat_penalty",
        _("Penalty for repetition"),
        _("1 is none; 0.5 to 2."),
        False,
        0.5,
        2,
        0.05,
    ),
    ("max_tokens", _("Longest answer, in tokens"), _("1 to 32768."), True, 1, 32_768, 1),
    (
        "first_word_s",
        _("Wished time to the first word, in seconds"),
        _("Older messages are left out of a long chat for it. 0 is no wish; up to 600."),
        False,
        0,
        600,
        0.5,
    ),
    ("seed", _("Seed"), _("Empty: another answer each time."), True, 0, 2**32 - 1, 1),
)


class AssistantForm(forms.Form):
    """`languages` beyond the first get translations and starters of their own."""

    name = forms.CharField(label=_("Name"), max_length=MAX_NAME_CHARS)
    description = forms.CharField(label=_("Description"), max_length=MAX_DESCRIPTION_CHARS, required=False)
    prompt = forms.ChoiceField(label=_("Prompt"))
    model = forms.ChoiceField(label=_("Model"), required=False)
    audience = forms.ChoiceField(
        label=_("Who may use it"), choices=Assistant.Audience.choices, initial=Assistant.Audience.EVERYBODY
    )
    groups = forms.MultipleChoiceField(label=_("Groups"), required=False)
    keeps_no_summaries = forms.BooleanField(
        label=_("Leave out what does not fit, without summarising it"), required=False
    )
    hides_thinking = forms.BooleanField(label=_("Do not show what the model thinks"), required=False)

    collections = forms.MultipleChoiceField(label=_("Collections"), required=False)
    use = forms.ChoiceField(
        label=_("How it uses them"),
        choices=AssistantKnowledge.Use.choices,
        initial=AssistantKnowledge.Use.HELP,
        required=False,
    )

    def __init__(self, data: Any = None, *, reader_id: UUID, assistant: Assistant | None = None) -> None:
        super().__init__(data, initial=_initial(assistant) if assistant else None)
        self._fixed_stop = tuple(assistant.sampling.get("stop", ())) if assistant else ()
        self.fields["prompt"].choices = _prompts(assistant)  # type: ignore[attr-defined]
        self.fields["model"].choices = _models(assistant.model if assistant else "")  # type: ignore[attr-defined]
        self.fields["groups"].choices = [  # type: ignore[attr-defined]
            (str(group.id), group.name) for group in groups()
        ]
        self.fields["collections"].choices = [  # type: ignore[attr-defined]
            (str(view.id), view.name) for view in collection_list(reader_id)
        ]
        for code, label in settings.LANGUAGES:
            if code != "en":
                self.fields[f"name_{code}"] = forms.CharField(
                    label=_("Name"), max_length=MAX_NAME_CHARS, required=False
                )
                self.fields[f"description_{code}"] = forms.CharField(
                    label=_("Description"), max_length=MAX_DESCRIPTION_CHARS, required=False
                )
            self.fields[f"starters_{code}"] = forms.CharField(
                label=label, required=False, help_text=_("One in a line."), max_length=MAX_STARTERS * 220
            )
        for name, label, help_text, is_whole, low, high, step in SAMPLING_FIELDS:
            kind: Any = forms.IntegerField if is_whole else forms.FloatField
            self.fields[name] = kind(
                label=label,
                help_text=help_text,
                required=False,
                min_value=low,
                max_value=high,
                step_size=None,
            )
            self.fields[name].widget.attrs["step"] = step
            self.fields[name].widget.attrs["placeholder"] = (
                settings.ENVIRONMENT.first_word_s if name == "first_word_s" else getattr(_DEFAULTS, name)
            )

    @property
    def languages(self) -> list[tuple[str, Any, Any, Any, Any]]:
        """Code, own name, then the bound fields for name, description (None in English) and starters."""
        return [
            (
                code,
                label,
                self[f"name_{code}"] if code != "en" else None,
                self[f"description_{code}"] if code != "en" else None,
                self[f"starters_{code}"],
            )
            for code, label in settings.LANGUAGES
        ]

    @property
    def sampling_fields(self) -> list[Any]:
        return [self[name] for name, *_rest in SAMPLING_FIELDS]

    @property
    def has_own_sampling(self) -> bool:
        """Whether any of the fields is filled, so that they are shown open."""
        return any(field.value() not in (None, "") for field in self.sampling_fields)

    def prompt_id(self) -> UUID:
        return UUID(self.cleaned_data["prompt"])

    def collection_ids(self) -> frozenset[UUID]:
        return frozenset(UUID(one) for one in self.cleaned_data["collections"])

    def use_of_knowledge(self) -> str:
        return self.cleaned_data["use"] or AssistantKnowledge.Use.HELP

    def spec(self) -> AssistantSpec:
        """What the valid form says. Raises InvalidInput for sampling out of range."""
        found = self.cleaned_data
        others = [code for code, _label in settings.LANGUAGES if code != "en"]
        sampling = {name: found[name] for name, *_rest in SAMPLING_FIELDS if found.get(name) is not None}
        if self._fixed_stop:
            sampling["stop"] = self._fixed_stop
        if found["keeps_no_summaries"]:
            sampling["summaries"] = False
        if found["hides_thinking"]:
            sampling["thinking"] = False
        is_everybodys = found["audience"] == Assistant.Audience.EVERYBODY
        return AssistantSpec(
            name=found["name"],
            description=found["description"],
            translations={
                code: {"name": found[f"name_{code}"], "description": found[f"description_{code}"]}
                for code in others
            },
            starters={code: found[f"starters_{code}"].splitlines() for code, _label in settings.LANGUAGES},
            sampling=parse_sampling(sampling),
            model=found["model"],
            group_ids=None if is_everybodys else frozenset(UUID(one) for one in found["groups"]),
        )


def require_valid(form: AssistantForm) -> None:
    """Raises InvalidInput when a field is not what it should be; the page shows which."""
    if not form.is_valid():
        raise InvalidInput("form_invalid", _("Look at the marked fields."))


def _initial(row: Assistant) -> dict[str, Any]:
    knowledge = assistant_use(row.id)
    found: dict[str, Any] = {
        "collections": [str(collection_id) for collection_id in knowledge.collection_ids],
        "use": knowledge.use,
        "name": row.name,
        "description": row.description,
        "prompt": str(row.prompt_id),
        "model": row.model,
        "audience": row.audience,
        "groups": [
            str(group_id)
            for group_id in AssistantGroup.objects.filter(assistant=row).values_list("group_id", flat=True)
        ],
        "keeps_no_summaries": row.sampling.get("summaries") is False,
        "hides_thinking": row.sampling.get("thinking") is False,
        **{name: row.sampling.get(name) for name, *_rest in SAMPLING_FIELDS},
    }
    for code, _label in settings.LANGUAGES:
        words = row.translations.get(code, {})
        found[f"name_{code}"] = words.get("name", "")
        found[f"description_{code}"] = words.get("description", "")
        found[f"starters_{code}"] = "\n".join(row.starters.get(code, []))
    return found


def _prompts(assistant: Assistant | None) -> list[tuple[str, str]]:
    """Prompts in use, and the one that the assistant has."""
    rows = Prompt.objects.order_by("name").values_list("id", "name", "retired_at")
    current = assistant.prompt_id if assistant else None
    return [(str(id_), name) for id_, name, retired_at in rows if retired_at is None or id_ == current]


def _models(current: str) -> list[tuple[str, str]]:
    """What the engine serves now, by its own names; a chosen one that it does not serve is marked."""
    status = language_engine()
    aliases = {alias: model.id for model in status.models for alias in model.aliases}
    choices = [("", str(_("The chat model")) + (f" ({aliases['chat']})" if "chat" in aliases else ""))]
    choices += [(model.id, model.id) for model in status.models]
    known = {value for value, _label in choices} | aliases.keys()
    if current and current not in known:
        choices.append((current, str(_("%(model)s (not here now)") % {"model": current})))
    elif current in aliases:
        choices.append((current, f"{current} ({aliases[current]})"))
    return choices
