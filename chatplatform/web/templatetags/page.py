"""Template tags of our pages."""

from __future__ import annotations

import json

from django import template
from django.utils.html import json_script
from django.utils.safestring import SafeString, mark_safe

from chatplatform.web.static_files import asset_address

register = template.Library()


@register.simple_tag
def asset(path: str) -> str:
    """The versioned address of a static file."""
    return asset_address(path)


@register.filter
def as_data(value: object, element_id: str) -> SafeString:
    """`value` as a JSON element that scripts read and browsers do not run; lazy texts are resolved."""
    return json_script(json.loads(json.dumps(value, default=str)), element_id)


@register.filter
def percent(fraction: float | None) -> str:
    """A whole percentage for `<progress>`; empty for an unknown one."""
    return "" if fraction is None else str(round(max(0.0, min(1.0, fraction)) * 100))


@register.simple_tag
def unique(prefix: str, value: object) -> SafeString:
    """An element id made of two parts."""
    return mark_safe(f"{prefix}-{str(value).replace('_', '-')}")  # noqa: S308 - both parts are ours
