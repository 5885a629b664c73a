# SPDX-License-Identifier: Apache-2.0
"""Makes cases.json: templates with what Jinja2 renders them to.

usage: python generate.py [--check] > cases.json

The environment is the one the contract names (6.1): immutable sandbox, chainable undefined,
no autoescape.  Each case is [template, result], or [template, null] when rendering fails.
With --check the stored cases are rendered again and compared instead.
"""
import copy
import itertools
import json
import os
import random
import sys

from jinja2 import ChainableUndefined
from jinja2 import sandbox

CONTEXT = {
    "n": 5, "z": 0, "neg": -7, "f": 2.5, "s": "hello World", "e": "", "u": "grün über",
    "t": True, "none": None, "l": [3, 1, 2], "el": [], "names": ["bob", "Anna", "carl"],
    "d": {"b": 2, "a": 1, "c": [1, {"k": "v"}]}, "deep": {"x": {"y": {"z": "end"}}},
    "rows": [{"name": "x", "n": 2, "ok": True}, {"name": "y", "n": 1, "ok": False},
             {"name": "z", "n": 2, "ok": True}],
    "html": "<b>a & 'b' \"c\"</b>", "text": "one two  three\nfour  five\n\nsix",
    "big": 1234567, "items": {"items": 3, "_x": 1},
}
VALUES = ["n", "z", "neg", "f", "s", "e", "u", "t", "none", "l", "el", "names", "d", "deep.x.y.z",
          "rows", "html", "big", "missing", "missing.a.b", "1.5e3", "0x1f", "1_000", "'a' 'b'",
          "(1, 2)", "(1,)", "()", "[1, 'a', none]", "{'k': [1]}", "-3", "true", "1e16", "1e-7", "0.1"]
FILTERS = ["upper", "lower", "title", "capitalize", "trim", "length", "first", "last", "list", "sort",
           "reverse|list", "join('-')", "default('D')", "d('D', true)", "string", "int", "float", "abs",
           "round", "round(1)", "round(1, 'floor')", "tojson", "tojson(indent=2)", "escape", "striptags",
           "replace('o', '0')", "truncate(8)", "truncate(8, true)", "wordcount", "center(20)", "indent",
           "urlencode", "unique|list", "min", "max", "sum", "count", "items|list", "dictsort",
           "filesizeformat", "batch(2)|list", "slice(2)|list", "map('upper')|list", "select|list",
           "reject('none')|list", "groupby('n')", "e|safe", "forceescape"]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping",
         "iterable", "sequence", "true", "false", "even", "odd", "divisibleby 5", "in [5, 's']", "eq 5", "ne 5",
         "lt 3", "ge(2.5)", "upper", "lower", "sameas true", "callable"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "and", "or", "in", "not in"]
PIECES = [
    "{% if n > 3 %}big{% elif n %}small{% else %}none{% endif %}",
    "{% for i in l %}{{ loop.index }}:{{ i }}{{ ',' if not loop.last }}{% else %}empty{% endfor %}",
    "{% for i in el %}x{% else %}empty{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for r in rows if r.ok %}{{ r.name }}{{ loop.length }}{% endfor %}",
    "{% for r in rows %}{{ loop.cycle('odd', 'even') }}{{ loop.changed(r.n) }} {% endfor %}",
    "{% for i in l %}{{ loop.previtem }}-{{ loop.nextitem }}|{% endfor %}",
    "{% for i in l %}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.depth }} {% endfor %}",
    "{% set a = 1 %}{% for i in l %}{% set a = i %}{% endfor %}{{ a }}",
    "{% set ns = namespace(c=0) %}{% for i in l %}{% set ns.c = ns.c + i %}{% endfor %}{{ ns.c }}",
    "{% set b %}x{{ n }}{% endset %}[{{ b }}]", "{% set b | upper %}x{{ n }}{% endset %}[{{ b }}]",
    "{% with a = 1, b = n %}{{ a + b }}{% endwith %}{{ a }}", "{% filter upper %}a{{ s }}{% endfilter %}",
    "{% raw %}{{ x }}{% endraw %}", "{%- raw -%}  x {%- endraw -%}", "a {#- c -#} b", "a {# c #} b",
    "  {%- if true %} x {%- endif %}  y", "a\n{%- if true -%}\n b \n{%- endif -%}\nc", "{{- n -}} x",
    "{% macro m(a, b='B') %}[{{ a }}|{{ b }}|{{ caller() if caller else '' }}]{% endmacro %}{{ m(1) }}{{ m(1, b=2) }}",
    "{% macro m(a) %}<{{ caller(a) }}>{% endmacro %}{% call(x) m(3) %}{{ x * 2 }}{% endcall %}",
    "{% block a %}in {{ n }}{% endblock %}", "{% autoescape false %}{{ html }}{% endautoescape %}",
    "{{ l[0] }}{{ l[-1] }}{{ l[9] }}|{{ s[1:3] }}|{{ s[::-1] }}|{{ l[:2] }}|{{ l[1:] }}|{{ s[-3:] }}",
    "{{ s.upper() }}{{ s.split(' ') }}{{ s.replace('l', 'L', 1) }}{{ s.startswith('he') }}{{ s.find('W') }}",
    "{{ ' x '.strip() }}|{{ 'a,b'.split(',') }}|{{ '-'.join(['a', 'b']) }}|{{ 'abc'.title() }}|{{ 'a'.center(5) }}|",
    "{{ '%s and %d, %.2f %5s|%-5s|' % ('a', 3, 1.5, 'x', 'y') }}", "{{ '%s' | format('x') }}{{ '%(a)s' | format(a=1) }}",
    "{{ '{} {1} {a:>4}'.format('x', 'y', a=3) if false else '{} {a:>4} {:.2f}'.format('x', 1.5, a=3) }}",
    "{{ d.keys() | list }}{{ d.values() | list }}{{ d.get('a') }}{{ d.get('q', 'z') }}{{ d['b'] }}{{ d.c[1].k }}",
    "{{ rows | map(attribute='name') | join(', ') }}", "{{ rows | selectattr('ok') | map(attribute='n') | list }}",
    "{{ rows | rejectattr('n', 'eq', 2) | list }}", "{{ rows | sum(attribute='n') }}", "{{ rows | sort(attribute='n,name') | map(attribute='name') | list }}",
    "{{ rows | sort(attribute='n', reverse=true) | map(attribute='name') | list }}",
    "{% for g in rows | groupby('n') %}{{ g[0] }}:{{ g[1] | length }};{% endfor %}", "{{ names | sort }}{{ names | sort(case_sensitive=true) }}",
    "{{ names | min }}{{ names | max }}{{ [] | max }}", "{{ range(3) | list }}{{ range(1, 10, 3) | list }}{{ range(5, 0, -2) | list }}",
    "{% for i in range(101) %}{% endfor %}", "{{ [].append(1) }}", "{{ d.update({'x': 1}) }}", "{{ s.__class__ }}", "{{ items._x }}{{ items['items'] }}",
    "{{ x() }}", "{{ x + 1 }}", "{{ x.y.z }}|{{ x is defined }}|{{ x | length }}", "{{ x | nosuch }}", "{{ n is nosuch }}", "{% include 'a' %}",
    "{{ {1: 'a', 'b': none} }}", "{{ [1.0, 2, 'it\\'s', \"q\\\"\", True] }}", "{{ 'a\\nb' }}|{{ ['a\\nb\\t'] }}", "{{ 1 if false }}|", "{{ 'a' if t else 'b' }}",
    "{{ not n }}{{ not z and n }}", "{{ 1 < 2 < 3 }}{{ 1 < 3 < 2 }}", "{{ 2 ** 3 ** 2 }}", "{{ -2 ** 2 }}", "{{ 1 - -1 }}", "{{ 'a' ~ 1 + 2 }}",
    "{{ dict(a=1, b=2) }}", "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.next() }}",
    "{% set j = joiner(', ') %}{{ j() }}a{{ j() }}b", "{{ n | default }}{{ missing | default }}|", "{{ big | filesizeformat }}{{ big | filesizeformat(true) }}",
    "{{ text | wordcount }}|{{ text | indent(2, true) }}|{{ text | indent(2, blank=true) }}", "{{ 42 | round(-1) }}{{ 2.5 | round }}{{ 3.5 | round }}{{ 2.675 | round(2) }}",
    "{{ '12' | int + 1 }}{{ 'x' | int(7) }}{{ '0x1f' | int(0, 16) }}{{ '3.9' | int }}", "{{ '1.5' | float }}{{ 'x' | float(2.5) }}", "{{ u | upper }}{{ u | length }}{{ u | title }}",
    "{{ html | tojson }}", "{{ d | tojson }}{{ [none, true, 1.5] | tojson }}{{ u | tojson }}", "{{ d | length }}{{ s | length }}", "{{ (1, 2) == (1, 2) }}{{ [1] == (1,) }}",
    "{{ 'a' in d }}{{ 2 in l }}{{ 'lo' in s }}{{ 9 not in l }}", "{{ 7 // 2 }}{{ -7 // 2 }}{{ -7 % 3 }}{{ 7.5 // 2 }}{{ 7 / 2 }}", "{{ 'ab' * 3 }}{{ [1] * 2 }}",
    "x{{ n }}\n", "x\n\n", "\r\nx\r\n", "{{ \"a\" \"b\" }}", "{{ n|string|length }}", "{{ (n|string)~'x' }}", "{{ l|join }}", "{% for a, b in [(1, 2), (3, 4)] %}{{ a + b }} {% endfor %}",
    "{% for a in d %}{{ a }}{% endfor %}", "{% for c in 'abc' %}{{ c }}.{% endfor %}", "{{ 1/0 }}", "{{ 1//0 }}", "{{ 1%0 }}", "{{ 'a' + 1 }}", "{{ none + 1 }}",
    "{% if missing %}a{% else %}b{% endif %}", "{{ missing ~ 'x' }}", "{{ missing == none }}{{ missing != 1 }}", "{{ loop }}", "{{ [1, [2, [3]]] }}", "{{ {'a': {'b': (1, 2)}} }}",
    "{{ s | truncate(5, false, '') }}|{{ s | truncate(9, leeway=0) }}|{{ s | truncate(9, true, '!', 0) }}", "{{ {'a b': 'c&d'} | urlencode }}{{ 'a/b c?' | urlencode }}",
    "{{ l | first }}{{ el | first }}{{ l | last }}", "{{ [1, 2, 3, 4, 5] | batch(2, 'x') | list }}{{ [1, 2, 3, 4, 5] | slice(3, 'x') | list }}", "{{ ['a', 'A', 'b'] | unique | list }}",
    "{{ 'AbC'.swapcase() }}{{ 'x'.zfill(3) }}{{ '-5'.zfill(4) }}{{ 'a b'.partition(' ') }}{{ 'a\\nb'.splitlines() }}", "{{ 'abc'.isalpha() }}{{ '12'.isdigit() }}{{ 'aB'.isupper() }}{{ 'ab'.islower() }}",
]
BAD = ["{{ n", "{% if n %}", "{{ }}", "{% nosuch %}", "{{ n } }}", "{% endif %}", "{{ (n }}", "{{ 'x }}", "{% for i %}{% endfor %}", "{% set = 1 %}", "{{ n n }}", "{{ n | }}", "{{ a. }}",
       "{% if %}{% endif %}", "{% for x in y %}{% endif %}", "{# x", "{{ 1 + }}", "{{ a[ }}", "{% raw %}x"]


def environment():
    sandbox.MAX_RANGE = 100
    return sandbox.ImmutableSandboxedEnvironment(undefined=ChainableUndefined, autoescape=False)


def render(env, text):
    try:
        return env.from_string(text).render(**copy.deepcopy(CONTEXT))
    except Exception:
        return None


def templates():
    rnd = random.Random(7)
    yield from PIECES
    yield from BAD
    for v, f in itertools.product(VALUES, FILTERS):
        yield "{{ (%s) | %s }}" % (v, f)
    for v, t in itertools.product(VALUES, TESTS):
        if rnd.random() < 0.4:
            yield "{{ (%s) is %s }}" % (v, t)
    pairs = list(itertools.product(VALUES, OPERATORS, VALUES))
    for a, op, b in rnd.sample(pairs, 600):
        yield "{{ (%s) %s (%s) }}" % (a, op, b)
    for v in VALUES:
        yield "{{ %s }}|{{ [%s] }}|{%% if %s %%}y{%% else %%}n{%% endif %%}" % (v, v, v)
    for _ in range(200):
        yield " ".join(rnd.sample(PIECES[:40], 2))


def unportable(text, result):
    """What the contract leaves out, or what depends on memory addresses, hashes, big integers."""
    return result is not None and (" at 0x" in result or "<generator" in result or "<bound" in result or "<built-in" in result
                                   or "<function" in result or "Undefined" in result and "is undefined" not in text
                                   or "dict_" in result or "<Loop" in result or "Markup(" in result or "_GroupTuple" in result)


def main():
    env = environment()
    if sys.argv[1:] == ["--check"]:
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases.json")
        stored = json.load(open(path))
        bad = [t for t, want in stored["cases"] if render(env, t) != want]
        print(len(stored["cases"]), "cases,", len(bad), "differ", bad[:3])
        return 1 if bad else 0
    cases = []
    for text in dict.fromkeys(templates()):
        result = render(env, text)
        if not unportable(text, result):
            cases.append([text, result])
    out = ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases)
    print('{"context": %s,\n"cases": [\n%s\n]}' % (json.dumps(CONTEXT, ensure_ascii=False), out))
    return 0


sys.exit(main())
