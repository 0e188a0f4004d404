"""The identity provider that the operator names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

from chatplatform.environment.variables import Environment


@dataclass(frozen=True, slots=True)
class SingleSignOn:
    """OpenID Connect, as the operator set it. Domains are in lower case; `roles` go from a group to a role."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str
    groups_claim: str
    allowed_domains: frozenset[str]
    unknown_people: Literal["refuse", "member"]
    roles: Mapping[str, str]

    @property
    def host(self) -> str:
        return urlsplit(self.issuer).hostname or ""


def single_sign_on(environment: Environment) -> SingleSignOn | None:
    """None without an issuer. Raises ValueError for an issuer without client, or a pair that is none."""
    if not environment.oidc_issuer:
        return None
    if urlsplit(environment.oidc_issuer).scheme not in {"https", "http"} or not environment.oidc_client_id:
        raise ValueError(
            "CHATPLATFORM_OIDC_ISSUER must be an address that begins with https://, and "
            "CHATPLATFORM_OIDC_CLIENT_ID must be set with it"
        )
    pairs = [pair.rpartition("=") for pair in environment.oidc_roles]
    roles = {group.strip(): role.strip() for group, _, role in pairs}
    known = {"owner", "administrator", "prompt_editor", "support_agent", "member"}
    if not all(group and role in known for group, role in roles.items()):
        raise ValueError(
            "CHATPLATFORM_OIDC_ROLES is not understood: write it like staff=member,editors=prompt_editor"
        )
    return SingleSignOn(
        issuer=environment.oidc_issuer.rstrip("/"),
        client_id=environment.oidc_client_id,
        client_secret=environment.oidc_client_secret,
        name=environment.oidc_name,
        groups_claim=environment.oidc_groups_claim,
        allowed_domains=frozenset(domain.lower().lstrip("@") for domain in environment.oidc_allowed_domains),
        unknown_people=environment.oidc_unknown_people,
        roles=MappingProxyType(roles),
    )
