"""The catalogue of event types."""

from __future__ import annotations

from uuid import uuid4

import pytest

from chatplatform.audit.catalogue import catalogue, catalogue_markdown, declare, is_declared


def test_a_declared_event_is_in_the_catalogue() -> None:
    code = f"test.catalogue.e{uuid4().hex}"
    event = declare(code, summary="Something happened.", fields=("count",))
    assert event in catalogue()
    assert is_declared(event)
    assert f"| `{code}` | info | Something happened. | `count` | 0.1.0 |" in catalogue_markdown()


def test_a_code_is_declared_once() -> None:
    code = f"test.catalogue.e{uuid4().hex}"
    declare(code, summary="First.")
    with pytest.raises(ValueError, match="twice"):
        declare(code, summary="Second.")


@pytest.mark.parametrize(
    "code", ["", "single", "Upper.case", "a.b.c.d.e", "with space.x", "a..b", "a." + "x" * 80]
)
def test_malformed_codes_are_refused(code: str) -> None:
    with pytest.raises(ValueError, match="no event code"):
        declare(code, summary="No.")


def test_malformed_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="no field name"):
        declare("test.catalogue.fields", summary="No.", fields=("Not A Name",))


def test_codes_begin_with_the_app_that_declares_them() -> None:
    """So that two apps never claim one code, and a reader knows where to look."""
    import importlib

    from django.apps import apps

    for config in apps.get_app_configs():
        if not config.name.startswith("chatplatform."):
            continue
        try:
            module = importlib.import_module(f"{config.name}.audit_events")
        except ModuleNotFoundError:
            continue
        declared = [value for value in vars(module).values() if value in catalogue()]
        assert declared, f"{module.__name__} declares nothing"
        for event in declared:
            assert event.code.split(".")[0] == config.name.split(".")[1]
