"""What must be right before anything is started."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from django.conf import settings

from chatplatform.health import ports
from chatplatform.supervisor.process import ProcessSpec

PORT_PATIENCE_S = 3.0


class CannotStart(Exception):
    """Its text names cause and cure."""


async def check(processes: Sequence[ProcessSpec]) -> None:
    """Raise CannotStart when the ports of processes that must run are taken; make the folders that they use.

    A port gets a moment to become free: after a crash the last run's processes are just being killed.
    """
    for folder in ("run", "keys"):
        (settings.DATA_DIR / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    began = time.monotonic()
    for port in [spec.port for spec in processes if spec.required and spec.port is not None]:
        while not ports.is_free(port.number, port.host):
            if time.monotonic() - began > PORT_PATIENCE_S:
                cause, cure = ports.port_taken(port.number, port.setting)
                raise CannotStart(f"{cause} {cure}")
            await asyncio.sleep(0.1)
