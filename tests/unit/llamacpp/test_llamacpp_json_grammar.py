"""Schemas as grammars: what is written, what is refused, and that no schema makes a large one."""

from __future__ import annotations

from typing import Any

import pytest

from chatplatform.inference.engines.llamacpp.json_grammar import (
    MAX_GRAMMAR_CHARS,
    SchemaRefused,
    any_object,
    of_calls,
    of_schema,
)


def _deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


def _doubling(levels: int) -> dict[str, Any]:
    """Every definition may begin in twice as many ways as the one it refers to."""
    definitions: dict[str, Any] = {
        f"{name}{n}": {"anyOf": [{"$ref": f"#/$defs/a{n + 1}"}, {"$ref": f"#/$defs/b{n + 1}"}]}
        for n in range(levels)
        for name in "ab"
    }
    definitions |= {f"a{levels}": {"type": "string"}, f"b{levels}": {"type": "null"}}
    hidden = {"type": "object", "properties": {"x": {"$ref": "#/$defs/a0"}}}
    return {"$defs": definitions, **hidden}


@pytest.mark.parametrize(
    "schema",
    [
        _doubling(13),
        {"$ref": "#"},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"$defs": {"a": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"},
        {"anyOf": [{"type": "object", "properties": {f"p{n}": {}}} for n in range(17)]},
        _deep(40),
        {"type": "object", "properties": {f"p{n}": {} for n in range(65)}},
        {"type": "object", "properties": {}, "required": ["x"]},
        {"type": "array", "maxItems": 10_000},
        {"type": "string", "minLength": 9, "maxLength": 3},
        {"type": "string", "maxLength": "3"},
        {"enum": []},
        {"enum": ["x" * 200] * 512},
        {"const": float("nan")},
        {"$ref": "https://example.org/schema"},
        {"$ref": "#/$defs/nowhere"},
        {"allOf": [{}, {}]},
        {"type": "date"},
        {"anyOf": "string"},
        [],
        7,
        {"enum": ["\ud800"]},
    ],
)
def test_what_cannot_be_a_grammar_is_refused(schema: object) -> None:
    with pytest.raises((SchemaRefused, ValueError)):
        of_schema(schema, strict=False)


def test_what_cannot_be_held_to_is_refused_only_where_it_is_strict() -> None:
    schema = {"type": "string", "pattern": "^a+$"}
    assert of_schema(schema, strict=False)
    with pytest.raises(SchemaRefused, match="pattern"):
        of_schema(schema, strict=True)


def test_a_schema_may_refer_to_itself() -> None:
    schema = {
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        "$ref": "#/$defs/node",
    }
    grammar = of_schema(schema, strict=True)
    assert grammar.count("ref0 ::=") == 1


def test_a_schema_may_have_choices_within_choices() -> None:
    assert of_schema(_doubling(5), strict=True)


def test_many_optional_properties_stay_small() -> None:
    schema = {"type": "object", "properties": {f"p{n}": {"type": "integer"} for n in range(30)}}
    assert len(of_schema(schema, strict=True)) < MAX_GRAMMAR_CHARS


def test_text_is_escaped() -> None:
    grammar = of_schema({"enum": ['a"b\\c\n中']}, strict=True)
    assert r'"\"a\\\"b\\\\c\\n中\""' in grammar


def test_calls_of_several_tools_keep_their_definitions_apart() -> None:
    own = {"$defs": {"x": {"type": "integer"}}, "type": "object", "properties": {"x": {"$ref": "#/$defs/x"}}}
    other = {"$defs": {"x": {"type": "string"}}, "type": "object", "properties": {"x": {"$ref": "#/$defs/x"}}}
    grammar = of_calls([("a", own, True), ("b", other, True), ("c", None, False)], opening="<", closing=">")
    assert "f0-ref0 ::= integer" in grammar
    assert "f1-ref0 ::= string" in grammar
    assert "call ::= call0 | call1 | call2" in grammar
    assert "root ::= object" in any_object()


def test_several_calls_are_bounded_and_the_first_mark_may_have_been_written() -> None:
    one = of_calls([("a", None, False)], opening="<", closing=">")
    several = of_calls([("a", None, False)], opening="<", closing=">", most=8, begun=True)
    assert 'root ::= "<" "\\x0a" call "\\x0a>"' in one
    assert "{0,7}" in several
    assert 'root ::=  "\\x0a" call' in several


def test_a_tool_that_cannot_be_held_to_takes_any_object_where_that_is_enough() -> None:
    tools = [("a", {"allOf": [{}, {}]}, False), ("b", {"type": "integer"}, False)]
    assert "(object)" in of_calls(tools, opening="<", closing=">", lenient=True)
    with pytest.raises(SchemaRefused):
        of_calls(tools, opening="<", closing=">")
    with pytest.raises(SchemaRefused):
        of_calls([("a", {"pattern": "x"}, True)], opening="<", closing=">", lenient=True)
