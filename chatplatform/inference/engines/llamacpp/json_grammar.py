"""JSON schemas as grammars in llama.cpp's notation (GBNF), so that a model can write nothing else.

Grammars come from what people send, and run in C: so every size has a limit, and what cannot be held to is refused
where it was asked for strictly, else left to the model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

MAX_GRAMMAR_CHARS = 64 * 1024
MAX_DEPTH = 24
MAX_PROPERTIES = 64
MAX_CHOICES = 512
MAX_REPEATED = 512
MAX_ALIKE = 16
"""Objects, or arrays, that may stand in one place: until they differ, all of them have to be followed at once."""
MAX_WAYS = 4096
"""Ways to begin a value. The library follows each of them, those of definitions within definitions too."""

# What limits a value beyond its shape. `strict` refuses them; without it they are hints for the model.
_BEYOND_SHAPE = frozenset(
    {
        *("pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("uniqueItems", "not", "if", "then", "else", "patternProperties", "propertyNames", "minProperties"),
        *("maxProperties", "dependentRequired", "dependentSchemas", "prefixItems", "contains"),
    }
)
_COMBINED = frozenset({"$ref", "anyOf", "oneOf", "allOf"})
_BASE = {
    "ws": r'| " " | "\n" [ \t]{0,20}',
    "character": r'[^"\\\x7F\x00-\x1F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4})',
    "string": r'"\"" character* "\""',
    "integer": r'"-"? ("0" | [1-9] [0-9]{0,15})',
    "number": r'integer ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,3})?',
    "boolean": '"true" | "false"',
    "null": '"null"',
    "pair": 'string ws ":" ws value',
    "object": '"{" ws (pair (ws "," ws pair)*)? ws "}"',
    "array": '"[" ws (value (ws "," ws value)*)? ws "]"',
    "value": "object | array | string | number | boolean | null",
}


class SchemaRefused(ValueError):
    """The schema is none, too large, or says something that a grammar cannot hold; the message is for its author."""


def any_object() -> str:
    """A grammar for one JSON object, whatever is in it."""
    return _text({**_BASE, "root": "object"})


def of_schema(schema: object, *, strict: bool) -> str:
    """A grammar for values of the schema. Raises SchemaRefused."""
    maker = _Maker(schema, strict=strict)
    maker.rules["root"] = maker.rule(schema)
    return _text(maker.rules)


def of_calls(
    functions: Sequence[tuple[str, object, bool]],
    *,
    opening: str,
    closing: str,
    most: int = 1,
    begun: bool = False,
    lenient: bool = False,
) -> str:
    """A grammar for one call to `most` of the functions, each with name, schema of its arguments, and strictness.

    Each call stands between the marks, on a line of its own; with `begun` the first mark was written already.
    With `lenient`, arguments may be any object where a schema is not strict and cannot be held to.
    """
    rules: dict[str, str] = dict(_BASE)
    calls = []
    for place, (name, schema, strict) in enumerate(functions):
        maker = _Maker(schema, strict=strict, prefix=f"f{place}-")
        try:
            arguments = maker.rule(schema) if schema else "object"
            _text(maker.rules | {"root": arguments})
        except SchemaRefused:
            if strict or not lenient:
                raise
            maker.rules, arguments = {}, "object"
        rules |= maker.rules
        before = f'{{"name": {json.dumps(name)}, "arguments": '
        rules[f"call{place}"] = f"{_literal(before)} {_grouped(arguments)} {_literal('}')}"
        calls.append(f"call{place}")
    rules["call"] = " | ".join(calls)
    first = "" if begun else _literal(opening)
    one = f"{_literal(chr(10))} call {_literal(chr(10) + closing)}"
    more = f"({_literal(chr(10) + opening)} {one}){{0,{most - 1}}}" if most > 1 else ""
    rules["root"] = f"{first} {one} {more}"
    return _text(rules)


class _Maker:
    """Turns one schema into rules."""

    def __init__(self, root: object, *, strict: bool, prefix: str = "") -> None:
        self.rules: dict[str, str] = dict(_BASE)
        self._root = root
        self._strict = strict
        self._prefix = prefix
        self._named: dict[str, str] = {}
        self._ways: dict[str, int] = {}

    def _count_ways(self, schema: object, depth: int = 0) -> int:
        """In how many ways a value may begin. Raises SchemaRefused when that is too many, or has no end."""
        if depth > MAX_DEPTH:
            raise SchemaRefused("The schema is nested too deeply.")
        ways = 1
        if isinstance(schema, Mapping):
            if isinstance(target := schema.get("$ref"), str):
                if target not in self._ways:
                    self._ways[target] = MAX_WAYS + 1  # until it is known: what begins with itself never ends
                    self._ways[target] = self._count_ways(self._found(target), depth + 1)
                ways = self._ways[target]
            else:
                options = [*_options(schema, "anyOf"), *_options(schema, "oneOf"), *_options(schema, "allOf")]
                ways = max(1, sum(self._count_ways(option, depth + 1) for option in options))
                for kind in ("object", "array"):
                    if (
                        sum(isinstance(one, Mapping) and one.get("type") == kind for one in options)
                        > MAX_ALIKE
                    ):
                        raise SchemaRefused(f"At most {MAX_ALIKE} of one type may stand in one place.")
        if ways > MAX_WAYS:
            raise SchemaRefused("A value may begin in too many ways, or with itself.")
        return ways

    def rule(self, schema: object, depth: int = 0) -> str:
        """The right side of a rule for values of `schema`."""
        if depth > MAX_DEPTH:
            raise SchemaRefused("The schema is nested too deeply.")
        if schema is True or schema == {}:
            return "value"
        if not isinstance(schema, Mapping):
            raise SchemaRefused("A schema is an object.")
        if self._strict and (beyond := sorted(_BEYOND_SHAPE & schema.keys())):
            raise SchemaRefused(f"`{beyond[0]}` cannot be held to strictly.")
        if not _COMBINED.isdisjoint(schema):
            self._count_ways(schema)
        if "$ref" in schema:
            return self._reference(schema["$ref"], depth)
        if "const" in schema:
            return _value(schema["const"])
        if "enum" in schema:
            return _either([_value(choice) for choice in _list(schema["enum"], "enum")])
        for name in ("anyOf", "oneOf"):
            if name in schema:
                return _either([self.rule(option, depth + 1) for option in _list(schema[name], name)])
        if "allOf" in schema:
            parts = _list(schema["allOf"], "allOf")
            if len(parts) != 1:
                raise SchemaRefused("`allOf` with more than one part cannot be held to.")
            return self.rule(parts[0], depth + 1)
        kind = schema.get("type", "object" if "properties" in schema else None)
        if isinstance(kind, list):
            return _either([self._of_type(one, schema, depth) for one in _list(kind, "type")])
        return self._of_type(kind, schema, depth)

    def _of_type(self, kind: object, schema: Mapping[str, Any], depth: int) -> str:
        match kind:
            case None:
                return "value"
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return self._string(schema)
            case "integer" | "number" | "boolean" | "null":
                return str(kind)
            case _:
                raise SchemaRefused("A type is object, array, string, number, integer, boolean or null.")

    def _reference(self, target: object, depth: int) -> str:
        """Definitions become rules of their own, so that they may refer to themselves."""
        if not isinstance(target, str) or not target.startswith("#"):
            raise SchemaRefused("`$ref` refers to something within the schema.")
        known = self._named.get(target)
        if known is None:
            known = self._named[target] = f"{self._prefix}ref{len(self._named)}"
            self.rules[known] = self.rule(self._found(target), depth + 1)
        return known

    def _found(self, target: str) -> Any:
        found: Any = self._root
        for part in target.removeprefix("#").strip("/").split("/") if target != "#" else ():
            found = found.get(part) if isinstance(found, Mapping) else None
        if found is None:
            raise SchemaRefused("A `$ref` of the schema leads nowhere.")
        return found

    def _object(self, schema: Mapping[str, Any], depth: int) -> str:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        if not isinstance(properties, Mapping) or not isinstance(required, list):
            raise SchemaRefused("`properties` is an object and `required` a list.")
        if len(properties) > MAX_PROPERTIES:
            raise SchemaRefused(f"An object has at most {MAX_PROPERTIES} properties.")
        if not set(map(str, required)) <= set(properties):
            raise SchemaRefused("`required` names properties that are not described.")
        if not properties:
            more = schema.get("additionalProperties", True)
            if more is False:
                return '"{" ws "}"'
            if more is True:
                return "object"
            pair = f'string ws ":" ws {_grouped(self.rule(more, depth + 1))}'
            return f'"{{" ws ({pair} (ws "," ws {pair})*)? ws "}}"'
        pairs = {
            name: f'{_literal(json.dumps(str(name), ensure_ascii=False))} ws ":" ws '
            f"{_grouped(self.rule(inner, depth + 1))}"
            for name, inner in properties.items()
        }
        must = [pairs[name] for name in properties if name in required]
        may = [pairs[name] for name in properties if name not in required]
        comma = ' ws "," ws '
        if must:
            inside = comma.join(must) + "".join(f"({comma}{pair})?" for pair in may)
        else:
            starts = [
                may[at] + "".join(f"({comma}{pair})?" for pair in may[at + 1 :]) for at in range(len(may))
            ]
            inside = f"({' | '.join(starts)})?"
        return f'"{{" ws {inside} ws "}}"'

    def _array(self, schema: Mapping[str, Any], depth: int) -> str:
        item = _grouped(self.rule(schema.get("items", True), depth + 1))
        least, most = _range(schema, "minItems", "maxItems")
        if most == 0:
            return '"[" ws "]"'
        rest = f'(ws "," ws {item}){_times(max(0, least - 1), None if most is None else most - 1)}'
        inside = f"{item} {rest}"
        return f'"[" ws {inside if least else f"({inside})?"} ws "]"'

    def _string(self, schema: Mapping[str, Any]) -> str:
        least, most = _range(schema, "minLength", "maxLength")
        if not least and most is None:
            return "string"
        return rf'"\"" character{_times(least, most)} "\""'


def _range(schema: Mapping[str, Any], least: str, most: str) -> tuple[int, int | None]:
    low, high = schema.get(least, 0), schema.get(most)
    for value in (low, high):
        if value is not None and (not isinstance(value, int) or not 0 <= value <= MAX_REPEATED):
            raise SchemaRefused(f"`{least}` and `{most}` are numbers of at most {MAX_REPEATED}.")
    if high is not None and high < low:
        raise SchemaRefused(f"`{least}` is above `{most}`.")
    return low, high


def _times(least: int, most: int | None) -> str:
    if most is None:
        return "*" if least == 0 else f"{{{least},}}"
    return f"{{{least},{most}}}"


def _either(options: Sequence[str]) -> str:
    return " | ".join(options)


def _grouped(body: str) -> str:
    return f"({body})"


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_CHOICES:
        raise SchemaRefused(f"`{name}` is a list of 1 to {MAX_CHOICES}.")
    return value


def _options(schema: Mapping[str, Any], name: str) -> list[Any]:
    found = schema.get(name, [])
    return found if isinstance(found, list) else []


def _value(value: object) -> str:
    return _literal(json.dumps(value, ensure_ascii=False, allow_nan=False))


def _literal(text: str) -> str:
    """`text` as it is, in a grammar."""
    escaped = "".join(
        f"\\x{ord(character):02x}"
        if ord(character) < 0x20 or ord(character) == 0x7F
        else f"\\{character}"
        if character in '"\\'
        else character
        for character in text
    )
    return f'"{escaped}"'


def _text(rules: Mapping[str, str]) -> str:
    text = "\n".join(f"{name} ::= {body}" for name, body in rules.items()) + "\n"
    if len(text) > MAX_GRAMMAR_CHARS:
        raise SchemaRefused("The schema is too large.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SchemaRefused("The schema holds half a character.") from None
    return text
