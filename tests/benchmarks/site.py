"""A platform with one web process before the scripted engine, ready to be measured."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import SiteProcesses


@contextmanager
def measured_site() -> Iterator[tuple[SiteProcesses, ScriptedEngineProcess]]:
    engine = ScriptedEngineProcess()
    with tempfile.TemporaryDirectory(prefix="chatplatform-bench-") as folder:
        site = SiteProcesses(Path(folder), engine_url=engine.url, engine_token=TOKEN)
        try:
            site.migrate()
            site.start_web()
            yield site, engine
        finally:
            site.stop()
            engine.stop()
