"""Gives every test process a data folder of its own, made before Django reads its settings.

Processes of pytest-xdist that run beside each other share no queue and no Redis database either.

A pytest plugin, loaded by `-p chatplatform.testing.data_folder` because conftest files come too late for that.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

from chatplatform.environment.secrets import ensure_secrets
from chatplatform.environment.variables import read_environment

_folder = tempfile.mkdtemp(prefix="chatplatform-tests-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["CHATPLATFORM_DATA_DIR"] = _folder
if number := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw"):
    if queue := os.environ.get("CHATPLATFORM_BROKER_QUEUE"):
        os.environ["CHATPLATFORM_BROKER_QUEUE"] = f"{queue}_{number}"
    if redis := os.environ.get("CHATPLATFORM_REDIS_URL"):
        server, _, database = redis.rpartition("/")
        # a server has 16 databases unless it was told otherwise
        os.environ["CHATPLATFORM_REDIS_URL"] = f"{server}/{(int(database) + 1 + int(number)) % 16}"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
ensure_secrets(read_environment())
