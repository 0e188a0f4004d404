"""Addresses of sites and pages, sealed and opened again; and the keyed hashes by which they are known again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import UUID

from chatplatform.knowledge.models import Collection
from chatplatform.knowledge.web_pages.models import WebPage, WebSite
from chatplatform.privacy.content import decrypt_text, encrypt_text
from chatplatform.privacy.pseudonyms import pseudonym
from chatplatform.privacy.subjects import Subject


def sealed(workspace_id: UUID, row_id: UUID, what: str, text: str) -> bytes:
    """Nothing for nothing. `what` is the field's name. Raises KeysUnavailable, ContentErased."""
    if not text:
        return b""
    return encrypt_text(Subject.workspace(workspace_id), text, context=f"web-{what}:{row_id}")


def address_of(row: WebSite | WebPage) -> str:
    """Raises KeysUnavailable, ContentErased, ContentUnreadable."""
    return _opened(row, "address", bytes(row.address))


def prefix_of(site: WebSite) -> str:
    return _opened(site, "prefix", bytes(site.prefix))


def sealed_validators(page: WebPage, validators: Mapping[str, str]) -> bytes:
    text = json.dumps(dict(validators), ensure_ascii=False) if validators else ""
    return sealed(page.workspace_id, page.id, "validators", text)


def validators_of(page: WebPage) -> dict[str, str]:
    """Headers to ask whether the page changed; empty where its server told none."""
    text = _opened(page, "validators", bytes(page.validators))
    return dict(json.loads(text)) if text else {}


def key_of_page(site: WebSite, address: str) -> str:
    return pseudonym(Subject.workspace(site.workspace_id), purpose=f"knowledge.web_page {site.id} {address}")


def key_of_site(collection: Collection, address: str, prefix: str) -> str:
    named = f"knowledge.web_site {collection.id} {prefix}\n{address}"
    return pseudonym(Subject.workspace(collection.workspace_id), purpose=named)


def key_of_host(workspace_id: UUID, host: str) -> str:
    return pseudonym(Subject.workspace(workspace_id), purpose=f"knowledge.web_host {host}")


def _opened(row: WebSite | WebPage, what: str, found: bytes) -> str:
    if not found:
        return ""
    return decrypt_text(Subject.workspace(row.workspace_id), found, context=f"web-{what}:{row.id}")
