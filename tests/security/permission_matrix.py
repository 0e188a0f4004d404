"""Who may do what: one line for each method of each address, each frame of the socket, and each kind of job.

This is the reviewed statement, written by hand; `test_permission_matrix.py` and `test_permission_of_frames.py` hold
the platform to it for every kind of person. What has no line here fails there, and so does a line of nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chatplatform.accounts.permissions import Permission as P


class Who(StrEnum):
    """Besides the rights of roles."""

    EVERYBODY = "everybody, signed in or not"
    SIGNED_IN = "every member, for themselves"


EVERYBODY, SIGNED_IN = Who.EVERYBODY, Who.SIGNED_IN


@dataclass(frozen=True)
class Line:
    """`<names>` in the address, the query and the body stand for ids of the world (tests/security/world.py).

    `answers` is what somebody who may gets, where that is not a success: the request stops after its rights are
    known, for want of a machine to do it on. `known_body` is what is sent instead to learn about foreign objects.
    """

    method: str
    address: str
    who: P | Who | tuple[P, ...]
    body: Mapping[str, Any] = field(default_factory=dict)
    answers: int | None = None
    query: str = ""
    known_body: Mapping[str, Any] | None = None
    json: bool = False

    @property
    def is_api(self) -> bool:
        return self.address.startswith(("api/", "v1/"))

    @property
    def sends_json(self) -> bool:
        return self.json or self.is_api

    def __str__(self) -> str:
        return f"{self.method.upper()} /{self.address}"


ASSISTANT = {"name": "Another", "prompt_id": "<prompt_id>"}
ASSISTANT_FORM = {"name": "Another", "prompt": "<prompt_id>", "audience": "everybody"}
ENGINE = {
    "name": "New",
    "url": "https://llm.invalid/v1",
    "kind": "openai",
    "place": "outside",
    "order": "after",
    "chat_model": "large",
}
UNREADABLE = {"stream": "neither"}
HI = {"text": "Hi"}
QUESTION = {"text": "Answer.", "talk": [{"role": "user", "content": "Hi"}]}

PAGES = [
    Line("get", "", SIGNED_IN),
    Line("get", "c/", SIGNED_IN),
    Line("get", "c/<conversation_id>/", P.CHAT),
    Line("post", "c/<conversation_id>/rename/", P.CHAT, {"title": "New"}),
    Line("post", "c/<conversation_id>/delete/", P.CHAT),
    Line("get", "jobs/", EVERYBODY),
    Line("get", "setup/", EVERYBODY),
    Line("get", "setup/status", EVERYBODY),
    Line("get", "healthz", EVERYBODY),
    Line("get", "readyz", EVERYBODY, answers=503),
    Line("get", "metrics", EVERYBODY),
    Line("get", "components/", P.SYSTEM_MANAGE),
    Line("get", "static/<path>", EVERYBODY),
]

OWN = [
    Line("get", "sign-in/", EVERYBODY),
    Line("post", "sign-in/", EVERYBODY, {"email": "nobody@example.org", "password": "wrong"}),
    Line("get", "sign-in/code/", EVERYBODY),
    Line("post", "sign-in/code/", EVERYBODY, {"code": "000000"}),
    Line("post", "sign-in/passkey/options/", EVERYBODY),
    Line("post", "sign-in/passkey/", EVERYBODY, {"credential": {}}, json=True),
    Line("get", "sign-in/mail/", EVERYBODY),
    Line("post", "sign-in/mail/", EVERYBODY, {"email": "nobody@example.org"}),
    Line("get", "sign-in/mail/<link>/", EVERYBODY),
    Line("post", "sign-in/mail/<link>/", EVERYBODY),
    Line("get", "sign-in/sso/", EVERYBODY),
    Line("get", "sign-in/sso/callback/", EVERYBODY),
    Line("get", "sign-in/<link>/", EVERYBODY),
    Line("post", "sign-in/<link>/", EVERYBODY),
    Line("post", "sign-out/", EVERYBODY),
    Line("get", "invitation/<link>/", EVERYBODY),
    Line("post", "invitation/<link>/", EVERYBODY, {"display_name": "Mo", "email": "mo@example.org"}),
    Line("get", "language/", EVERYBODY),
    Line("post", "language/", EVERYBODY, {"language": "zh-hans"}),
    Line("get", "settings/", SIGNED_IN),
    Line("post", "settings/", SIGNED_IN, {"display_name": "Mo", "theme": "dark"}, answers=422),
    Line("get", "settings/security/", SIGNED_IN),
    Line("get", "settings/security/confirm/", SIGNED_IN),
    Line("post", "settings/security/confirm/", SIGNED_IN, {"password": "wrong"}),
    Line("post", "settings/security/confirm/passkey/", SIGNED_IN, {}, answers=400, json=True),
    Line("get", "settings/security/password/", SIGNED_IN),
    Line("post", "settings/security/password/", SIGNED_IN, {"password": ""}, answers=422),
    Line("post", "settings/security/passkeys/options/", SIGNED_IN),
    Line("post", "settings/security/passkeys/", SIGNED_IN, {}, answers=400, json=True),
    Line("post", "settings/security/passkeys/by-name/", SIGNED_IN),
    Line("post", "settings/security/passkeys/<passkey_id>/remove/", SIGNED_IN),
    Line("get", "settings/security/codes/", SIGNED_IN),
    Line("post", "settings/security/codes/", SIGNED_IN, {"code": "000000"}),
    Line("post", "settings/security/codes/off/", SIGNED_IN),
    Line("post", "settings/security/codes/recovery/", SIGNED_IN, answers=409),
    Line("post", "settings/security/sessions/end-others/", SIGNED_IN),
    Line("post", "settings/security/sessions/<session_id>/end/", SIGNED_IN),
    Line("get", "settings/mail/", P.SYSTEM_MANAGE),
    Line("post", "settings/mail/", P.SYSTEM_MANAGE, answers=403),
    Line("get", "settings/tokens/", P.TOKENS_OWN),
    Line("post", "settings/tokens/", P.TOKENS_OWN, {"name": "New", "lifetime": "30", "scopes": ["chat"]}),
    Line("post", "settings/tokens/<own_token_id>/revoke/", P.TOKENS_OWN),
    Line("get", "settings/workspaces/", SIGNED_IN),
    Line("post", "settings/workspaces/switch/", SIGNED_IN, {"workspace": "<workspace_id>"}),
    Line("post", "settings/workspaces/rename/", P.WORKSPACE_MANAGE, {"name": "New"}),
    Line("post", "settings/workspaces/create/", P.SYSTEM_MANAGE, {"name": "New"}),
]

CONSOLE = [
    Line("get", "console/", P.ASSISTANTS_READ),
    Line("get", "console/status/", P.ASSISTANTS_READ),
    Line("post", "console/first-steps/", P.WORKSPACE_MANAGE, {"hidden": "1"}),
    Line("get", "console/health/", P.HEALTH_READ),
    Line("get", "console/health/live/", P.HEALTH_READ),
    Line("get", "console/health/checks/<check_id>/", P.HEALTH_READ),
    Line("post", "console/health/models/read/", P.SYSTEM_MANAGE),
    Line("post", "console/remote-hosts/reviewed/", P.SYSTEM_MANAGE),
    Line("get", "console/models/", P.MODELS_READ),
    Line("post", "console/models/add/", P.SYSTEM_MANAGE, {"path": "/none.gguf"}, answers=400),
    Line("post", "console/models/<model_id>/work/", P.SYSTEM_MANAGE, {"act": "none"}, answers=400),
    Line("post", "console/models/<model_id>/pull/", P.SYSTEM_MANAGE, answers=400),
    Line("post", "console/models/<model_id>/cancel/", P.SYSTEM_MANAGE, answers=409),
    Line("post", "console/models/<model_id>/verify/", P.SYSTEM_MANAGE),
    Line("post", "console/models/<model_id>/choose/", P.SYSTEM_MANAGE, {"role": "none"}, answers=400),
    Line("post", "console/models/<model_id>/remove/", P.SYSTEM_MANAGE, answers=409),
    Line("get", "console/engines/", P.MODELS_READ),
    Line("get", "console/engines/new/", P.SYSTEM_MANAGE),
    Line("post", "console/engines/new/", P.SYSTEM_MANAGE, ENGINE),
    Line("get", "console/engines/<engine_id>/", P.SYSTEM_MANAGE),
    Line("post", "console/engines/<engine_id>/", P.SYSTEM_MANAGE, {**ENGINE, "name": "Again"}),
    Line("post", "console/engines/<engine_id>/switch/", P.SYSTEM_MANAGE, {"on": "0"}),
    Line("post", "console/engines/<engine_id>/test/", P.SYSTEM_MANAGE),
    Line("post", "console/engines/<engine_id>/remove/", P.SYSTEM_MANAGE),
    Line("get", "console/plug/", P.SYSTEM_MANAGE),
    Line("post", "console/plug/begin/", P.SYSTEM_MANAGE),
    Line("post", "console/plug/pull/", P.SYSTEM_MANAGE, {"process": "none"}, answers=400),
    Line("post", "console/plug/watch/", P.SYSTEM_MANAGE, {"drill_id": "<job_id>"}),
    Line(
        "post",
        "console/plug/verdict/",
        P.SYSTEM_MANAGE,
        {
            "drill_id": "<job_id>",
            "process": "web",
            "conversation_id": "<conversation_id>",
            "back_after_s": "1",
        },
    ),
    Line("get", "console/assistants/", P.ASSISTANTS_READ),
    Line("get", "console/assistants/new/", P.ASSISTANTS_MANAGE),
    Line("post", "console/assistants/new/", P.ASSISTANTS_MANAGE, ASSISTANT_FORM),
    Line("get", "console/assistants/<assistant_id>/", P.ASSISTANTS_READ),
    Line("post", "console/assistants/<assistant_id>/", P.ASSISTANTS_MANAGE, ASSISTANT_FORM),
    Line("post", "console/assistants/<assistant_id>/default/", P.ASSISTANTS_MANAGE),
    Line("post", "console/assistants/<assistant_id>/archive/", P.ASSISTANTS_MANAGE, {"archived": "1"}),
    Line("get", "console/prompts/", P.PROMPTS_READ),
    Line("get", "console/prompts/new/", P.PROMPTS_EDIT),
    Line("post", "console/prompts/new/", P.PROMPTS_EDIT, {"name": "New", "text": "Answer."}),
    Line("post", "console/prompts/import/", P.PROMPTS_EDIT, answers=400),
    Line("get", "console/prompts/<prompt_id>/", P.PROMPTS_READ),
    Line("post", "console/prompts/<prompt_id>/preview/", P.PROMPTS_READ, {"text": "Answer."}),
    Line("post", "console/prompts/<prompt_id>/save/", P.PROMPTS_EDIT, {"text": "Answer."}),
    Line("post", "console/prompts/<prompt_id>/test/", P.PROMPTS_EDIT, QUESTION, json=True),
    Line("get", "console/prompts/<prompt_id>/versions/", P.PROMPTS_READ),
    Line("get", "console/prompts/<prompt_id>/compare/", P.PROMPTS_READ),
    Line(
        "post",
        "console/prompts/<prompt_id>/label/",
        P.PROMPTS_RELEASE,
        {"label": "production", "number": "1", "seen": "2"},
    ),
    Line("post", "console/prompts/<prompt_id>/label/remove/", P.PROMPTS_EDIT, {"label": "spring"}),
    Line("post", "console/prompts/<prompt_id>/roll-back/", P.PROMPTS_RELEASE, {"seen": "2"}),
    Line("post", "console/prompts/<prompt_id>/rename/", P.PROMPTS_EDIT, {"name": "New"}),
    Line("get", "console/prompts/<prompt_id>/export/", P.PROMPTS_READ),
    Line("get", "console/jobs/", P.JOBS_READ),
    Line("get", "console/jobs/<job_id>/", P.JOBS_READ),
    Line("post", "console/jobs/<over_job_id>/retry/", P.JOBS_MANAGE),
    Line("post", "console/jobs/<job_id>/cancel/", P.JOBS_MANAGE),
    Line("get", "console/audit/", P.AUDIT_READ),
    Line("get", "console/audit/<event_id>/", P.AUDIT_READ),
    Line("get", "console/audit/export/", P.AUDIT_READ),
    Line("post", "console/audit/verify/", P.AUDIT_READ),
    Line("get", "console/audit/verification/", P.AUDIT_READ),
    Line("get", "console/members/", P.MEMBERS_READ),
    Line("get", "console/members/<membership_id>/", P.MEMBERS_READ),
    Line("post", "console/members/<membership_id>/role/", P.MEMBERS_MANAGE, {"role": "support_agent"}),
    Line(
        "post",
        "console/members/<membership_id>/groups/",
        P.GROUPS_MANAGE,
        {"groups": ["<group_id>", "<other_group_id>"]},
    ),
    Line("post", "console/members/<membership_id>/suspend/", P.MEMBERS_MANAGE),
    Line("post", "console/members/<membership_id>/reinstate/", P.MEMBERS_MANAGE),
    Line("post", "console/members/<membership_id>/remove/", P.MEMBERS_MANAGE),
    Line("post", "console/members/<membership_id>/sign-in-link/", P.MEMBERS_MANAGE),
    Line("post", "console/members/<membership_id>/tokens/<member_token_id>/revoke/", P.TOKENS_MANAGE),
    Line("get", "console/invitations/", P.MEMBERS_MANAGE),
    Line(
        "post",
        "console/invitations/",
        P.MEMBERS_MANAGE,
        {"role": "member", "days": "7", "groups": ["<group_id>"]},
    ),
    Line("post", "console/invitations/<invitation_id>/link/", P.MEMBERS_MANAGE),
    Line("post", "console/invitations/<invitation_id>/revoke/", P.MEMBERS_MANAGE),
    Line("get", "console/groups/", P.GROUPS_MANAGE),
    Line("post", "console/groups/", P.GROUPS_MANAGE, {"name": "New"}),
    Line("get", "console/groups/<group_id>/", P.GROUPS_MANAGE),
    Line("post", "console/groups/<group_id>/", P.GROUPS_MANAGE, {"name": "New"}),
    Line("post", "console/groups/<other_group_id>/add/", P.GROUPS_MANAGE, {"member": "<membership_id>"}),
    Line("post", "console/groups/<group_id>/remove/", P.GROUPS_MANAGE, {"member": "<membership_id>"}),
    Line("post", "console/groups/<group_id>/delete/", P.GROUPS_MANAGE),
    Line("get", "console/usage/", P.USAGE_READ),
    Line("get", "console/usage/export/", P.USAGE_READ),
    Line("get", "console/usage/limits/", P.QUOTAS_MANAGE),
    Line(
        "post",
        "console/usage/limits/",
        P.QUOTAS_MANAGE,
        {"subject": "group:<group_id>", "unit": "turns", "window": "day", "limit": "10"},
    ),
    Line("post", "console/usage/limits/<rule_id>/remove/", P.QUOTAS_MANAGE),
]

TALK = (P.CHAT, P.ASSISTANTS_READ)
API = [
    Line("get", "api/docs", EVERYBODY),
    Line("get", "api/openapi.json", EVERYBODY),
    Line("get", "api/me", SIGNED_IN),
    Line("get", "api/me/limits", SIGNED_IN),
    Line("get", "api/health", SIGNED_IN),
    Line("get", "api/conversations", P.CHAT),
    Line(
        "post",
        "api/conversations",
        P.CHAT,
        {**UNREADABLE, "assistant_id": "<assistant_id>"},
        answers=422,
        known_body={**HI, "assistant_id": "<assistant_id>"},
    ),
    Line("get", "api/conversations/<conversation_id>", P.CHAT),
    Line("patch", "api/conversations/<conversation_id>", P.CHAT, {"title": "New"}),
    Line("delete", "api/conversations/<conversation_id>", P.CHAT),
    Line("get", "api/conversations/<conversation_id>/messages", P.CHAT),
    Line(
        "post",
        "api/conversations/<conversation_id>/messages",
        P.CHAT,
        UNREADABLE,
        answers=422,
        known_body=HI,
    ),
    Line("get", "api/messages/<message_id>", P.CHAT),
    Line("get", "api/turns/<turn_id>", P.CHAT),
    Line("get", "api/turns/<turn_id>/events", P.CHAT),
    Line("post", "api/turns/<turn_id>/stop", P.CHAT),
    Line(
        "post", "api/turns/<turn_id>/regenerate", P.CHAT, UNREADABLE, answers=422, known_body={"wait": False}
    ),
    Line("post", "api/turns/<turn_id>/retry", P.CHAT, UNREADABLE, answers=422, known_body={"wait": False}),
    Line("get", "api/assistants", TALK),
    Line("post", "api/assistants", P.ASSISTANTS_MANAGE, {**ASSISTANT, "group_ids": ["<group_id>"]}),
    Line("get", "api/assistants/manage", P.ASSISTANTS_MANAGE),
    Line("get", "api/assistants/<assistant_id>", TALK),
    Line("get", "api/assistants/<assistant_id>/manage", P.ASSISTANTS_MANAGE),
    Line("put", "api/assistants/<assistant_id>", P.ASSISTANTS_MANAGE, ASSISTANT),
    Line("post", "api/assistants/<assistant_id>/default", P.ASSISTANTS_MANAGE),
    Line("post", "api/assistants/<assistant_id>/archive", P.ASSISTANTS_MANAGE),
    Line("post", "api/assistants/<assistant_id>/restore", P.ASSISTANTS_MANAGE),
    Line("get", "api/prompts", P.PROMPTS_READ),
    Line("post", "api/prompts", P.PROMPTS_RELEASE, {"name": "New", "text": "Answer."}),
    Line("get", "api/prompts/<prompt_id>", P.PROMPTS_READ),
    Line("get", "api/prompts/<prompt_id>/versions", P.PROMPTS_READ),
    Line("post", "api/prompts/<prompt_id>/versions", P.PROMPTS_EDIT, {"text": "Answer."}),
    Line("get", "api/prompts/<prompt_id>/versions/<number>", P.PROMPTS_READ),
    Line("post", "api/prompts/<prompt_id>/release", P.PROMPTS_RELEASE, {"version_id": "<version_id>"}),
    Line("post", "api/prompts/<prompt_id>/rollback", P.PROMPTS_RELEASE, {}),
    Line("get", "api/members", P.MEMBERS_READ),
    Line("get", "api/members/<membership_id>", P.MEMBERS_READ),
    Line("delete", "api/members/<membership_id>", P.MEMBERS_MANAGE),
    Line("put", "api/members/<membership_id>/role", P.MEMBERS_MANAGE, {"role": "support_agent"}),
    Line("post", "api/members/<membership_id>/suspend", P.MEMBERS_MANAGE),
    Line("post", "api/members/<membership_id>/reinstate", P.MEMBERS_MANAGE),
    Line("get", "api/invitations", P.MEMBERS_READ),
    Line("post", "api/invitations", P.MEMBERS_MANAGE, {"role": "member", "group_ids": ["<group_id>"]}),
    Line("delete", "api/invitations/<invitation_id>", P.MEMBERS_MANAGE),
    Line("get", "api/groups", P.MEMBERS_READ),
    Line("post", "api/groups", P.GROUPS_MANAGE, {"name": "New"}),
    Line("get", "api/groups/<group_id>", P.MEMBERS_READ),
    Line("put", "api/groups/<group_id>", P.GROUPS_MANAGE, {"name": "New"}),
    Line("put", "api/groups/<group_id>/members", P.GROUPS_MANAGE, {"member_ids": ["<membership_id>"]}),
    Line("delete", "api/groups/<group_id>", P.GROUPS_MANAGE),
    Line("get", "api/jobs", P.JOBS_READ),
    Line("get", "api/jobs/<job_id>", P.JOBS_READ),
    Line("post", "api/jobs/<over_job_id>/retry", P.JOBS_MANAGE),
    Line("post", "api/jobs/<job_id>/cancel", P.JOBS_MANAGE),
    Line("get", "api/audit/events", P.AUDIT_READ),
    Line("get", "api/audit/events/<event_id>", P.AUDIT_READ),
    Line("get", "api/audit/events/<event_id>/proof", P.AUDIT_READ),
    Line("get", "api/usage", P.USAGE_READ),
    Line("get", "api/usage/people", P.USAGE_READ),
    Line("get", "api/usage/assistants", P.USAGE_READ),
    Line("get", "api/models", P.MODELS_READ),
    Line("get", "api/model-files", P.MODELS_READ),
    Line("post", "api/model-files", P.SYSTEM_MANAGE, {"path": "/none.gguf"}, answers=400),
    Line("post", "api/model-files/<model_id>/pull", P.SYSTEM_MANAGE, {"licence": "none"}, answers=400),
    Line("post", "api/model-files/<model_id>/cancel", P.SYSTEM_MANAGE, answers=409),
    Line("post", "api/model-files/<model_id>/work", P.SYSTEM_MANAGE, {"act": "stop"}, answers=409),
    Line("post", "api/model-files/<model_id>/choose", P.SYSTEM_MANAGE, {"role": "none"}, answers=422),
    Line("delete", "api/model-files/<model_id>", P.SYSTEM_MANAGE, answers=409),
    Line("get", "api/engines", P.MODELS_READ),
    Line("post", "api/engines", P.SYSTEM_MANAGE, ENGINE),
    Line("get", "api/engines/<engine_id>", P.MODELS_READ),
    Line("put", "api/engines/<engine_id>", P.SYSTEM_MANAGE, {**ENGINE, "name": "Again"}),
    Line("post", "api/engines/<engine_id>/switch", P.SYSTEM_MANAGE, {"on": False}),
    Line("post", "api/engines/<engine_id>/test", P.SYSTEM_MANAGE),
    Line("delete", "api/engines/<engine_id>", P.SYSTEM_MANAGE),
    Line(
        "post",
        "v1/chat/completions",
        P.CHAT,
        {"model": "<assistant_id>", "messages": "none"},
        answers=400,
        known_body={"model": "<assistant_id>", "messages": [{"role": "user", "content": "Hi"}]},
    ),
    Line("get", "v1/models", P.CHAT),
    Line("get", "v1/models/<assistant_id>", P.CHAT),
    Line("post", "v1/embeddings", P.CHAT, {"model": "none", "input": 7}, answers=400),
]

LINES = [*PAGES, *OWN, *CONSOLE, *API]

# Addresses with other names for the same ids.
SAME = {"member_id": "membership_id"}
# Addresses whose parameter is called alike and means another thing.
NAMED_HERE = {
    "settings/tokens/<token_id>/revoke/": {"token_id": "own_token_id"},
    "console/members/<membership_id>/tokens/<token_id>/revoke/": {"token_id": "member_token_id"},
    "console/jobs/<job_id>/retry/": {"job_id": "over_job_id"},
    "api/jobs/<job_id>/retry": {"job_id": "over_job_id"},
    "console/groups/<group_id>/add/": {"group_id": "other_group_id"},
    "sign-in/<token>/": {"token": "link"},
    "sign-in/mail/<token>/": {"token": "link"},
    "invitation/<token>/": {"token": "link"},
    "v1/models/<model>": {"model": "assistant_id"},
}


@dataclass(frozen=True)
class FrameLine:
    """What a signed-in person may say on the socket; ids are their own, and others' are not found."""

    type: str
    fields: Mapping[str, str]
    names: tuple[str, ...] = ()


FRAMES = [
    FrameLine("ping", {}),
    FrameLine("open", {"conversation_id": "<conversation_id>"}, ("conversation_id",)),
    FrameLine(
        "older",
        {"conversation_id": "<conversation_id>", "before_message_id": "<message_id>"},
        ("conversation_id", "message_id"),
    ),
    FrameLine("stop", {"turn_id": "<turn_id>"}, ("turn_id",)),
    FrameLine("retry", {"turn_id": "<turn_id>"}, ("turn_id",)),
    FrameLine("regenerate", {"turn_id": "<turn_id>", "client_id": "<new>"}, ("turn_id",)),
    FrameLine(
        "send",
        {
            "client_id": "<new>",
            "conversation_id": "<conversation_id>",
            "text": "Hi [[tokens=2]]",
        },
        ("conversation_id",),
    ),
]

SOCKETS = ("ws/chat/",)


class Owner(StrEnum):
    """Whose a job is: of a workspace, for those with its rights there; or of the machine, for who manages that."""

    WORKSPACE = "workspace"
    PLATFORM = "platform"


JOB_KINDS = {
    "jobs.cleanup": Owner.PLATFORM,
    "audit.verify": Owner.WORKSPACE,
    "inference.pull_model": Owner.PLATFORM,
    "inference.verify_model": Owner.PLATFORM,
    "inference.add_model": Owner.PLATFORM,
    "inference.quantize_model": Owner.PLATFORM,
    "inference.tune_model": Owner.PLATFORM,
    "inference.measure_model": Owner.PLATFORM,
    "inference.encrypt_model": Owner.PLATFORM,
    "inference.decrypt_model": Owner.PLATFORM,
    "chat.title": Owner.WORKSPACE,
    "sign_in.mail_invitation": Owner.WORKSPACE,
    "sign_in.mail_link": Owner.PLATFORM,
    "console.plug_probe": Owner.WORKSPACE,
}
