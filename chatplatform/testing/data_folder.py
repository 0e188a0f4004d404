"""Gives every test run a data folder of its own, made before Django reads its settings.

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
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
ensure_secrets(read_environment())
