"""Limits in words."""

from __future__ import annotations

from django import template
from django.utils import formats

from chatplatform.usage import errors
from chatplatform.usage.limits import LimitView

register = template.Library()


@register.filter
def limit_words(limit: LimitView) -> str:
    """«20 answers a day»."""
    return errors.limit_words(limit.unit, limit.window, limit.limit)


@register.filter
def grouped(number: int) -> str:
    """A whole number as people of the language write it: 12,345."""
    return formats.number_format(number, force_grouping=True)
