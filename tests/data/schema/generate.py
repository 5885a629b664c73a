#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes cases.jsonl: schemas of parameters, values, and what the reference says about them (python-jsonschema, draft 2020-12).

    generate.py > cases.jsonl     with a Python that has the packages of tests/compat/requirements.txt

One case a line: [schema, value, flags, message or null]; flags: 1 ignores "required", 4 lets null stand for a default, 2 does not mend the
schema. Left out are patterns and numbers whose text Python writes in another way. tests/unit/api/test_schema.c reads it.
"""
import json
import random
import sys

from prefect.utilities.schema_tools.validation import CircularSchemaRefError, validate

RNG = random.Random(31)
NAMES = ["a", "b", "c", "x y", "n"]
TEXTS = ["", "a", "abc", "red", "2024-01-01", "ü"]


def plain(deep):
    """A schema of one type with some of its keywords."""
    kind = RNG.choice(["integer", "number", "string", "boolean", "null", "array", "object"] if deep < 3 else ["integer", "string", "boolean"])
    s = {"type": kind}

    def maybe(chance, **more):
        if RNG.random() < chance:
            s.update(more)
    if kind in ("integer", "number"):
        maybe(0.25, minimum=RNG.randint(-2, 3))
        maybe(0.2, maximum=RNG.randint(2, 9))
        maybe(0.1, exclusiveMinimum=RNG.randint(-1, 3))
        maybe(0.1, exclusiveMaximum=RNG.randint(2, 9))
        maybe(0.15, multipleOf=RNG.choice([2, 3, 5]))
    elif kind == "string":
        maybe(0.2, minLength=RNG.randint(0, 3))
        maybe(0.2, maxLength=RNG.randint(1, 4))
        maybe(0.15, enum=RNG.sample(TEXTS, 2))
        maybe(0.1, format="date-time")
        maybe(0.15, pattern=RNG.choice(["^a", "c$", "^[a-z]+$", "^\\d{4}-"]))
    elif kind == "array":
        maybe(0.7, items=schema(deep + 1))
        maybe(0.2, prefixItems=[schema(deep + 1) for _ in range(RNG.randint(1, 2))])
        maybe(0.2, minItems=RNG.randint(0, 2))
        maybe(0.2, maxItems=RNG.randint(1, 3))
        maybe(0.15, uniqueItems=True)
        maybe(0.1, contains=schema(deep + 1))
    elif kind == "object":
        s.update(objects(deep + 1))
    return s


def objects(deep):
    names = RNG.sample(NAMES, RNG.randint(1, 3))
    s = {"type": "object", "properties": {n: schema(deep) for n in names}}
    for n in names:
        if RNG.random() < 0.25 and isinstance(s["properties"][n], dict):
            s["properties"][n]["default"] = value(1)
        if RNG.random() < 0.4 and isinstance(s["properties"][n], dict):
            s["properties"][n].update(title=n.title(), position=0)
    if RNG.random() < 0.5:
        s["required"] = RNG.sample(names, RNG.randint(1, len(names)))
    if RNG.random() < 0.25:
        s["additionalProperties"] = RNG.choice([False, True, {"type": "string"}])
    if RNG.random() < 0.08:
        s["minProperties"] = RNG.randint(1, 3)
    if RNG.random() < 0.08:
        s["dependentRequired"] = {names[0]: [RNG.choice(NAMES)]}
    return s


def schema(deep=0):
    how = RNG.random()
    if deep > 3 or how < 0.6:
        return plain(deep)
    if how < 0.72:
        return {"anyOf": [plain(deep + 1), RNG.choice([{"type": "null"}, plain(deep + 1)])]}
    if how < 0.76:
        return {RNG.choice(["oneOf", "allOf"]): [plain(deep + 1), plain(deep + 1)]}
    if how < 0.82:
        return {"enum": RNG.sample([1, "a", None, True, "red", 2.5], 3)}
    if how < 0.86:
        return {"const": RNG.choice([1, "a", None])}
    if how < 0.93:
        return {"$ref": f"#/definitions/{RNG.choice(['Color', 'Point'])}"}
    if how < 0.96:
        return {"type": RNG.sample(["integer", "null", "string", "array"], 2)}
    if how < 0.98:
        return {"not": plain(deep + 1)}
    return {}


DEFINITIONS = {"Color": {"title": "Color", "enum": ["red", "green"]},
               "Point": {"title": "Point", "type": "object", "properties": {"n": {"type": "integer"}, "b": {"$ref": "#/definitions/Color"}},
                         "required": ["n"]}}


def value(deep=0):
    how = RNG.random()
    if deep > 3 or how < 0.55:
        return RNG.choice([0, 1, 2, 3, 5, 7, -1, 2.5, 4.0, True, False, None, *TEXTS, "green"])
    if how < 0.75:
        return [value(deep + 1) for _ in range(RNG.randint(0, 3))]
    return {n: value(deep + 1) for n in RNG.sample(NAMES, RNG.randint(0, 3))}


def fitting(s, deep=0):
    """A value that mostly fits."""
    if not isinstance(s, dict) or deep > 5 or RNG.random() < 0.12:
        return value(2)
    if "$ref" in s:
        return fitting(DEFINITIONS[s["$ref"].rsplit("/", 1)[1]], deep + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in s:
            return fitting(RNG.choice(s[key]), deep + 1)
    if "enum" in s:
        return RNG.choice(s["enum"])
    if "const" in s:
        return s["const"]
    kind = s.get("type")
    kind = RNG.choice(kind) if isinstance(kind, list) else kind
    if kind == "object":
        return {n: fitting(p, deep + 1) for n, p in s.get("properties", {}).items() if RNG.random() < 0.85}
    if kind == "array":
        return [fitting(s.get("items", {}), deep + 1) for _ in range(RNG.randint(0, 3))]
    return {"integer": RNG.randint(-2, 8), "number": RNG.choice([1, 2.5, 6]), "string": RNG.choice(TEXTS), "boolean": True}.get(kind)


def main():
    made = 0
    while made < 1000:
        s = objects(0)
        if "definitions" in json.dumps(s):
            s["definitions"] = DEFINITIONS
        v, flags = fitting(s), RNG.choice([0, 0, 0, 1, 2, 4, 5])
        if not isinstance(v, dict):
            continue
        message = None
        try:
            validate(json.loads(json.dumps(v)), json.loads(json.dumps(s)), raise_on_error=True, ignore_required=bool(flags & 1),
                     preprocess=not flags & 2, allow_none_with_default=bool(flags & 4))
        except CircularSchemaRefError:
            continue
        except Exception as e:
            message = str(e)
            if not message.startswith("Validation failed"):
                continue
        if message is None and RNG.random() < 0.4:
            continue  # what is refused says more
        print(json.dumps([s, v, flags, message], ensure_ascii=False))
        made += 1


if __name__ == "__main__":
    sys.exit(main())
