"""Template tags of the console's pages."""

from __future__ import annotations

from collections.abc import Mapping

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def who(names: Mapping[str, str], actor_id: str) -> SafeString:
    """A person by name, with the id as a tip; others by the id itself."""
    name = names.get(actor_id)
    if name:
        return format_html('<span title="{}">{}</span>', actor_id, name)
    return format_html("<code>{}</code>", actor_id)
