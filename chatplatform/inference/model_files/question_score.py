"""The score of a model file on the project's sixty questions: an engine of its own, and `manage.py evaluate`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from django.conf import settings

from chatplatform.inference.model_files.native_process import NativeFailed

WAIT_S: Final = 600
STOP_S: Final = 15
# beside the engine that may be serving people
PORT_STEP: Final = 90


def question_score(path: Path) -> float:
    """The share of right answers, 0 to 1, that the file at `path` gives. Takes minutes.

    The questions go the way of every prompt, through the gateway, with their records. Raises NativeFailed with the
    reason, such as that the platform was never started here.
    """
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    port = str(settings.ENVIRONMENT.llm_port + PORT_STEP)
    # the port names our own engine; an engine of somebody else's is not asked
    environment = {**os.environ, "CHATPLATFORM_LLM_PORT": port, "CHATPLATFORM_LLM_URL": ""}
    engine = [*manage, "engine_llm", "--port", port, "--models", str(path), "--quick", ""]
    with subprocess.Popen(
        engine, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as serving:
        try:
            asked = subprocess.run(
                [*manage, "evaluate", "--json", "--wait", str(WAIT_S)],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            serving.terminate()
            try:
                serving.wait(STOP_S)
            except subprocess.TimeoutExpired:
                serving.kill()
    if asked.returncode:
        raise NativeFailed((asked.stderr.strip().splitlines() or ["no reason was given"])[-1][-200:])
    return float(json.loads(asked.stdout)["score"])
