"""What a workspace starts with: the general assistant, and the demo, which can be removed and put back.

A shipped prompt is installed once. Its row stays when the demo is removed (retired), so that the next start does
not bring back what an administrator took away.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict
from chatplatform.common.scope import current_workspace_id, workspace_scope
from chatplatform.prompts.assistant_changes import AssistantSpec, create_assistant, remove_assistant
from chatplatform.prompts.labels import move_label
from chatplatform.prompts.models import Assistant, Prompt, PromptLabel
from chatplatform.prompts.releases import create_prompt, save_version, set_retired
from chatplatform.prompts.shipped import DEMO, GENERAL, ShippedAssistant, shipped_assistant
from chatplatform.prompts.signals import demo_installed, demo_removed


def ensure_workspace_content(workspace_id: UUID, *, actor: Actor) -> None:
    """Give the workspace whatever shipped content it never had. Idempotent, and safe in several processes.

    Changes nothing that is there: neither an administrator's edits nor a removal.
    """
    with workspace_scope(workspace_id):
        for shipped_id in (GENERAL, *DEMO):
            if not Prompt.objects.filter(shipped_id=shipped_id).exists():
                _install_first_time(shipped_id, actor=actor)


def install_demo(workspace_id: UUID, *, actor: Actor) -> list[str]:
    """Bring every demo assistant to the state in which it is shipped; the names of those that were missing."""
    ensure_workspace_content(workspace_id, actor=actor)
    with workspace_scope(workspace_id):
        return [name for shipped_id in DEMO if (name := _reinstall(shipped_id, actor=actor))]


def remove_demo(workspace_id: UUID, *, actor: Actor) -> list[str]:
    """Remove every demo assistant; their names. Chats with them stay readable."""
    with workspace_scope(workspace_id), transaction.atomic():
        found = list(Assistant.objects.filter(is_demo=True).order_by("name"))
        for assistant in found:
            remove_assistant(assistant.id, actor=actor)
        demo_removed.send(None, workspace_id=workspace_id, actor=actor)
    return [assistant.name for assistant in found]


def _install_first_time(shipped_id: str, *, actor: Actor) -> None:
    shipped = shipped_assistant(shipped_id)
    try:
        with transaction.atomic():
            saved = create_prompt(shipped.name, shipped.system_text, actor=actor, shipped_id=shipped_id)
            create_assistant(_spec(shipped_id, shipped), saved.prompt_id, actor=actor)
            _tell_installed(shipped_id, actor=actor)
    except Conflict:
        # Another process was first; or people use the name already, and then it is theirs.
        return


def _reinstall(shipped_id: str, *, actor: Actor) -> str:
    """The assistant's name if it had to be made, else nothing."""
    shipped = shipped_assistant(shipped_id)
    with transaction.atomic():
        prompt = Prompt.objects.filter(shipped_id=shipped_id).first()
        if prompt is None:
            raise Conflict("demo_name_taken", f"“{shipped.name}” is in use: rename that prompt or assistant.")
        set_retired(prompt.id, False, actor=actor)
        saved = save_version(prompt.id, shipped.system_text, actor=actor)
        move_label(prompt.id, PromptLabel.PRODUCTION, saved.version_id, actor=actor)
        if prompt.assistants.exists():
            _tell_installed(shipped_id, actor=actor)
            return ""
        create_assistant(_spec(shipped_id, shipped), prompt.id, actor=actor)
        _tell_installed(shipped_id, actor=actor)
    return shipped.name


def _tell_installed(shipped_id: str, *, actor: Actor) -> None:
    if shipped_id in DEMO:
        demo_installed.send(None, workspace_id=current_workspace_id(), actor=actor)


def _spec(shipped_id: str, shipped: ShippedAssistant) -> AssistantSpec:
    is_default = shipped_id == GENERAL and not Assistant.objects.filter(is_default=True).exists()
    return AssistantSpec(
        name=shipped.name,
        description=shipped.description,
        translations={code: words.model_dump() for code, words in shipped.translations.items()},
        starters=shipped.starters,
        sampling=shipped.sampling,
        is_default=is_default,
        is_demo=shipped_id in DEMO,
    )
