"""What a role may do. Code asks for a permission, never for a role."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from chatplatform.accounts.models import Role


class Permission(StrEnum):
    """One right in one workspace. `read` is for pages and lists, `manage` for changes."""

    CHAT = "chat.use"
    TOKENS_OWN = "tokens.own"
    ANSWERS_REPLAY = "answers.replay"
    ASSISTANTS_READ = "assistants.read"
    ASSISTANTS_MANAGE = "assistants.manage"
    PROMPTS_READ = "prompts.read"
    PROMPTS_EDIT = "prompts.edit"
    PROMPTS_RELEASE = "prompts.release"
    MODELS_READ = "models.read"
    MODELS_MANAGE = "models.manage"
    MEMBERS_READ = "members.read"
    MEMBERS_MANAGE = "members.manage"
    GROUPS_MANAGE = "groups.manage"
    TOKENS_MANAGE = "tokens.manage"
    QUOTAS_MANAGE = "quotas.manage"
    USAGE_READ = "usage.read"
    KNOWLEDGE_READ = "knowledge.read"
    KNOWLEDGE_EDIT = "knowledge.edit"
    KNOWLEDGE_MANAGE = "knowledge.manage"
    FEEDBACK_READ = "feedback.read"
    SHARING_MANAGE = "sharing.manage"
    JOBS_READ = "jobs.read"
    JOBS_MANAGE = "jobs.manage"
    AUDIT_READ = "audit.read"
    HEALTH_READ = "health.read"
    WORKSPACE_MANAGE = "workspace.manage"
    # what concerns the machine and every workspace on it
    SYSTEM_MANAGE = "system.manage"


_EVERYBODY = frozenset({Permission.CHAT, Permission.TOKENS_OWN})
_EDITOR = _EVERYBODY | {
    Permission.ANSWERS_REPLAY,
    Permission.ASSISTANTS_READ,
    Permission.PROMPTS_READ,
    Permission.PROMPTS_EDIT,
    Permission.PROMPTS_RELEASE,
    Permission.MODELS_READ,
    Permission.KNOWLEDGE_READ,
    Permission.KNOWLEDGE_EDIT,
    Permission.FEEDBACK_READ,
}
_ADMINISTRATOR = frozenset(Permission) - {Permission.SYSTEM_MANAGE}

ROLE_PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.OWNER: frozenset(Permission),
        Role.ADMINISTRATOR: _ADMINISTRATOR,
        Role.PROMPT_EDITOR: _EDITOR,
        Role.SUPPORT_AGENT: _EVERYBODY | {Permission.ASSISTANTS_READ, Permission.KNOWLEDGE_READ},
        Role.MEMBER: _EVERYBODY,
    }
)


def may(role: Role, permission: Permission) -> bool:
    """Whether people of this role have the right in their workspace."""
    return permission in ROLE_PERMISSIONS[role]
