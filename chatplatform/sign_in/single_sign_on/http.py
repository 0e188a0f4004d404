"""The HTTP of single sign-on: what allauth takes for a requests session, through the door of privacy.egress."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping
from typing import Any, Self
from urllib.parse import urlencode

from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from asgiref.sync import async_to_sync

from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError
from chatplatform.privacy.egress import EgressLimits, EgressResponse, open_egress

_LIMITS = EgressLimits(total_s=15, connect_s=5, body_bytes=512 * 1024)
_ACTOR = Actor.system("single_sign_on")


class ProviderAnswer:
    """As much of a requests response as the flows look at."""

    def __init__(self, answer: EgressResponse) -> None:
        self.status_code = answer.status
        self.headers = {"content-type": ""} | dict(answer.headers)
        self.content = answer.body

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")

    def json(self) -> Any:
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise OAuth2Error("the identity provider's answer is no JSON") from error

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise OAuth2Error(f"the identity provider answered with {self.status_code}")


class ProviderSession:
    """Reaches `hosts` only. What the door refuses is an OAuth2Error, which the flows expect."""

    def __init__(self, hosts: Collection[str]) -> None:
        self._hosts = frozenset(hosts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        pass

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> ProviderAnswer:
        return self.request("GET", url, headers=headers)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: Any = None,
    ) -> ProviderAnswer:
        sent = {"accept": "application/json", **(headers or {})}
        content = None
        if params:
            url = f"{url}?{urlencode(params)}"
        if data is not None:
            content = urlencode(data).encode()
            sent["content-type"] = "application/x-www-form-urlencoded"
        if auth is not None:
            pair = f"{auth.username}:{auth.password}".encode()
            sent["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        try:
            return ProviderAnswer(async_to_sync(self._send)(method, url, sent, content))
        except PlatformError as error:
            raise OAuth2Error(f"the identity provider could not be asked: {error.code}") from error

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> EgressResponse:
        # the operator named the provider, which often stands in the same private network
        async with open_egress(
            purpose="single_sign_on",
            actor=_ACTOR,
            workspace_id=None,
            hosts=self._hosts,
            allow_private=True,
            limits=_LIMITS,
        ) as client:
            return await client.request(method, url, headers=headers, content=content)
