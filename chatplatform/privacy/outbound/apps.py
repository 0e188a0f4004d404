"""Django application: what left this machine."""

from __future__ import annotations

from django.apps import AppConfig


class OutboundConfig(AppConfig):
    name = "chatplatform.privacy.outbound"
    label = "outbound"
    verbose_name = "What left this machine"
