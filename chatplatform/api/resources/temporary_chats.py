"""What a workspace allows of temporary chats. The chats themselves live at their socket alone."""

from __future__ import annotations

from typing import Literal

from ninja import Field, Router, Schema

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import READS_BODY, answers, example
from chatplatform.api.schemas import Body
from chatplatform.chat.temporary.policy import Policy, current_policy, set_policy

router = Router(tags=["Temporary chats"])
MANAGE = Access(Permission.WORKSPACE_MANAGE)

Mode = Literal["offered", "not_offered", "enforced"]
RoleName = Literal["owner", "administrator", "prompt_editor", "support_agent", "member"]


class TemporaryChatPolicyOut(Schema):
    """`enforced`: every chat is temporary, for people of these `roles`, or for everybody where there are none."""

    mode: Mode
    roles: list[RoleName]


class TemporaryChatPolicyIn(Body):
    mode: Mode
    roles: list[RoleName] = Field([], max_length=5)


@router.get(
    "temporary-chats/policy",
    auth=MANAGE,
    response=answers(TemporaryChatPolicyOut),
    summary="What holds for temporary chats",
)
def read_policy(request: ApiRequest) -> TemporaryChatPolicyOut:
    return _out(current_policy())


@router.put(
    "temporary-chats/policy",
    auth=MANAGE,
    response=answers(TemporaryChatPolicyOut, errors=READS_BODY),
    summary="Change what holds for temporary chats",
    openapi_extra=example({"mode": "enforced", "roles": ["support_agent"]}),
)
def change_policy(request: ApiRequest, body: TemporaryChatPolicyIn) -> TemporaryChatPolicyOut:
    """From now on; chats that are open go on as they began."""
    return _out(set_policy(body.mode, body.roles, actor=request.caller.actor))


def _out(policy: Policy) -> TemporaryChatPolicyOut:
    return TemporaryChatPolicyOut.model_validate(
        {"mode": policy.mode.value, "roles": sorted(role.value for role in policy.roles)}
    )
