"""The examples of docs/api.md, run as a reader would: by a shell, with curl, against a running server."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import pytest

from tests.integration.api.conftest import ApiSite

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

PAGE = Path(__file__).resolve().parents[3] / "docs" / "api.md"


def _examples() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [block for block in blocks if "curl" in block]


@pytest.mark.slow
async def test_every_example_of_the_page_works(api_site: ApiSite) -> None:
    environment = {
        **os.environ,
        "CHATPLATFORM_URL": api_site.url,
        "CHATPLATFORM_TOKEN": api_site.owner.secret,
    }
    examples = _examples()
    assert len(examples) >= 4
    for example in examples:
        # --fail-with-body turns an error of the server into one of the shell
        script = "set -e\n" + example.replace("curl -s", "curl --fail-with-body -s")
        process = await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            script,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        told, trouble = await process.communicate()
        assert process.returncode == 0, (example, told, trouble)
        assert told
