#!/usr/bin/env python
"""The platform's command line."""

from __future__ import annotations

import os
import sys

from pydantic import ValidationError
from pydantic_core import ErrorDetails


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
    from django.core.management import execute_from_command_line

    from chatplatform.environment.secrets import ensure_secrets
    from chatplatform.environment.variables import read_environment

    try:
        ensure_secrets(read_environment())
    except ValidationError as error:
        sys.exit("\n".join(_wrong_setting(problem) for problem in error.errors(include_url=False)))
    except OSError as error:
        sys.exit(
            f"The data folder cannot be written: {error}.\nMake room, or name another in CHATPLATFORM_DATA_DIR."
        )
    execute_from_command_line(sys.argv)


def _wrong_setting(problem: ErrorDetails) -> str:
    name = f"CHATPLATFORM_{str(problem['loc'][0]).upper()}"
    if problem["type"] == "extra_forbidden":
        return f"There is no setting {name}. docs/settings.md lists them all."
    return f"{name}: {problem['msg']}. docs/settings.md says what it may be."


if __name__ == "__main__":
    main()
