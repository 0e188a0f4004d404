"""Whether prompts may leave this machine for an engine: the privacy gate asks, each time, and the row says."""

from __future__ import annotations

from chatplatform.inference.models import EngineEndpoint
from chatplatform.privacy.clearance import Destination


def may_leave_for(destination: Destination) -> bool:
    """Whether somebody with the right switched on an engine of exactly this name and address."""
    return EngineEndpoint.objects.filter(
        name=destination.name, url=destination.url, is_on=True, place__in=ELSEWHERE
    ).exists()


ELSEWHERE = (EngineEndpoint.Place.NETWORK, EngineEndpoint.Place.OUTSIDE)
