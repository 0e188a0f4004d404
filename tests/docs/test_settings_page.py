"""docs/settings.md lists every variable with its default and meaning."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from chatplatform.environment.variables import PREFIX, Environment, read_environment

PAGE = Path("docs/settings.md").read_text()


def test_every_setting_is_described_with_its_default() -> None:
    described = {
        name: (default.strip("` "), meaning.strip())
        for name, default, meaning in re.findall(
            rf"^\| `({PREFIX}\w+)` \|([^|]*)\|([^|]*)\|$", PAGE, re.MULTILINE
        )
    }
    assert described == {
        PREFIX + name.upper(): (
            "" if field.default in ("", None, ()) else str(field.default).replace("False", "false"),
            field.description,
        )
        for name, field in Environment.model_fields.items()
    }


def test_a_misspelt_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match="langauge"):
        read_environment({f"{PREFIX}LANGAUGE": "en"})


def test_words_are_separated_by_commas() -> None:
    assert read_environment({f"{PREFIX}ALLOWED_HOSTS": "a.example, b.example"}).allowed_hosts == (
        "a.example",
        "b.example",
    )
