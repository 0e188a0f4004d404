"""docs/models.md names every model of the catalogue with its licence, and every directive of the scripted engine."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from chatplatform.inference.model_files.catalogue import shipped
from chatplatform.testing.scripted_protocol import STATUS_OF
from chatplatform.testing.scripted_replies import Directives

ROWS = [line for line in Path("docs/models.md").read_text().splitlines() if line.startswith("| ")]


def test_every_model_is_described_as_the_catalogue_has_it() -> None:
    for model in shipped():
        (row,) = [row for row in ROWS if row.startswith(f"| `{model.id}` ")]
        assert model.licence in row
        assert f"{model.download_bytes / 1e6:,.0f} MB" in row
        assert f"{model.memory_bytes / 1e9:.1f} GB" in row


def test_every_directive_is_described() -> None:
    described = " ".join(row.split("|")[1] for row in ROWS)
    assert [field.name for field in fields(Directives) if f"`{field.name}`" not in described] == []


def test_every_error_is_described() -> None:
    described = {row.split("`")[1]: row for row in ROWS if "`" in row}
    for code in STATUS_OF.keys() - {"internal_error"}:
        assert str(STATUS_OF[code]) in described[code]
