"""Everything that changes prompts and assistants, in one place for the layers above."""

from __future__ import annotations

from chatplatform.prompts.assistant_changes import (
    AssistantSpec,
    change_assistant,
    create_assistant,
    make_default,
    remove_assistant,
    set_archived,
    spec_of,
)
from chatplatform.prompts.labels import move_label, remove_label, roll_back
from chatplatform.prompts.releases import (
    SavedVersion,
    create_prompt,
    rename_prompt,
    save_version,
    set_retired,
)
from chatplatform.prompts.starting_content import ensure_workspace_content, install_demo, remove_demo

__all__ = [
    "AssistantSpec",
    "SavedVersion",
    "change_assistant",
    "create_assistant",
    "create_prompt",
    "ensure_workspace_content",
    "install_demo",
    "make_default",
    "move_label",
    "remove_assistant",
    "remove_demo",
    "remove_label",
    "rename_prompt",
    "roll_back",
    "save_version",
    "set_archived",
    "set_retired",
    "spec_of",
]
