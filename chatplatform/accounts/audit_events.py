"""What accounts write into the audit log."""

from __future__ import annotations

from chatplatform.audit.catalogue import declare

WORKSPACE_CREATED = declare("accounts.workspace.created", summary="A workspace was made.")
MEMBER_ADDED = declare(
    "accounts.member.added", summary="A person became a member of a workspace.", fields=("role",)
)
SIGN_IN_LINK_MADE = declare(
    "accounts.sign_in_link.made", summary="A one-time sign-in link was made.", fields=("ttl_s",)
)
SIGNED_IN = declare("accounts.signed_in", summary="A person signed in.", fields=("method",))
SIGN_IN_REFUSED = declare(
    "accounts.sign_in.refused",
    summary="A known sign-in link was tried and refused.",
    fields=("method", "reason"),
    level="warning",
)
SIGNED_OUT = declare("accounts.signed_out", summary="A person signed out.")
PROFILE_CHANGED = declare(
    "accounts.profile.changed",
    summary="A person changed the own profile: the names of the fields, not their values.",
    fields=("changed",),
)
TOKEN_MADE = declare(
    "accounts.api_token.made",
    summary="A token for the API was made.",
    fields=("owner", "scopes", "expires_at"),
    level="notice",
)
TOKEN_REVOKED = declare(
    "accounts.api_token.revoked",
    summary="A token for the API was revoked.",
    fields=("owner",),
    level="notice",
)
TOKEN_REFUSED = declare(
    "accounts.api_token.refused",
    summary="A known token was used though it is revoked or expired, or its person may not come in.",
    fields=("reason",),
    level="warning",
)

ROLE_CHANGED = declare(
    "accounts.member.role_changed",
    summary="A member was given another role.",
    fields=("from", "to", "invitations_taken_back"),
)
MEMBER_SUSPENDED = declare(
    "accounts.member.suspended",
    summary="A member was shut out; sessions, sockets and tokens ended.",
    fields=("role", "invitations_taken_back"),
    level="warning",
)
MEMBER_REINSTATED = declare(
    "accounts.member.reinstated", summary="A suspended member was let in again.", fields=("role",)
)
MEMBER_REMOVED = declare(
    "accounts.member.removed",
    summary="A membership ended, with its groups and API tokens.",
    fields=("role", "tokens_revoked", "invitations_taken_back"),
    level="warning",
)
GROUP_CREATED = declare("accounts.group.created", summary="A group was made.")
GROUP_CHANGED = declare(
    "accounts.group.changed",
    summary="A group was changed: the names of the fields, not their values.",
    fields=("changed",),
)
GROUP_DELETED = declare("accounts.group.deleted", summary="A group was deleted.", fields=("members",))
GROUP_MEMBER_ADDED = declare(
    "accounts.group.member_added", summary="A person came into a group.", fields=("group_id",)
)
GROUP_MEMBER_REMOVED = declare(
    "accounts.group.member_removed", summary="A person was taken out of a group.", fields=("group_id",)
)
INVITED = declare(
    "accounts.invitation.made",
    summary="Somebody was invited, by address or by an open link.",
    fields=("role", "by_email", "groups", "expires_in_s"),
)
INVITATION_REVOKED = declare("accounts.invitation.revoked", summary="An invitation was taken back.")
INVITATION_ACCEPTED = declare(
    "accounts.invitation.accepted",
    summary="An invitation was accepted, and a person became a member.",
    fields=("invitation_id", "role", "new_person"),
)
INVITATION_REFUSED = declare(
    "accounts.invitation.refused",
    summary="A known invitation was tried and refused.",
    fields=("reason",),
    level="warning",
)
WORKSPACE_RENAMED = declare("accounts.workspace.renamed", summary="A workspace was given another name.")
WORKSPACE_SWITCHED = declare(
    "accounts.workspace.switched", summary="A person chose the workspace that a session works in."
)
