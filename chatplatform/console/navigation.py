"""What the console holds, and which of it a person may open."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import Person


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the navigation. `icon` is a name of heroicons; `permission` is what its view requires."""

    url_name: str
    label: Promise
    icon: str
    permission: Permission

    @property
    def address(self) -> str:
        return reverse(self.url_name)


@dataclass(frozen=True, slots=True)
class Section:
    """Pages that belong together, under a heading; an empty label shows none."""

    label: Promise | str
    entries: tuple[Entry, ...]


# The first entry that a person may open is what /console/ shows.
SECTIONS: tuple[Section, ...] = (
    Section(
        "",
        (Entry("console:start", _("Overview"), "home", Permission.ASSISTANTS_READ),),
    ),
    Section(
        _("Answers"),
        (
            Entry("console:assistants", _("Assistants"), "sparkles", Permission.ASSISTANTS_READ),
            Entry("console:prompts", _("Prompts"), "chat-bubble-bottom-center-text", Permission.PROMPTS_READ),
            Entry("console:knowledge", _("Knowledge"), "book-open", Permission.KNOWLEDGE_READ),
            Entry("console:models", _("Models"), "cpu-chip", Permission.MODELS_READ),
            Entry("console:engines", _("Engines"), "server-stack", Permission.MODELS_READ),
            Entry("console:feedback", _("Feedback"), "hand-thumb-up", Permission.FEEDBACK_READ),
        ),
    ),
    Section(
        _("People"),
        (
            Entry("console:members", _("Members"), "users", Permission.MEMBERS_READ),
            Entry("console:groups", _("Groups"), "user-group", Permission.GROUPS_MANAGE),
            Entry("console:sharing", _("Sharing"), "link", Permission.SHARING_MANAGE),
            Entry("console:usage", _("Usage"), "chart-bar", Permission.USAGE_READ),
            Entry("console:temporary_chats", _("Temporary chats"), "clock", Permission.WORKSPACE_MANAGE),
        ),
    ),
    Section(
        _("Operation"),
        (
            Entry("console:health", _("Health"), "heart", Permission.HEALTH_READ),
            Entry("console:jobs", _("Jobs"), "queue-list", Permission.JOBS_READ),
            Entry("console:audit", _("Audit log"), "shield-check", Permission.AUDIT_READ),
            Entry("console:outbound", _("What left"), "arrow-up-tray", Permission.AUDIT_READ),
            Entry("console:plug", _("Pull the plug"), "bolt", Permission.SYSTEM_MANAGE),
        ),
    ),
)


def sections_for(person: Person) -> list[Section]:
    """The sections with the entries that the person may open; none that would be empty."""
    found = []
    for section in SECTIONS:
        entries = tuple(entry for entry in section.entries if person.may(entry.permission))
        if entries:
            found.append(Section(section.label, entries))
    return found


def current_entry(sections: list[Section], path: str) -> Entry | None:
    """The entry that the page at `path` belongs to: the one whose address is its longest beginning."""
    entries = [entry for section in sections for entry in section.entries if path.startswith(entry.address)]
    return max(entries, key=lambda entry: len(entry.address), default=None)
