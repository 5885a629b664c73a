"""Where wf means to differ from the reference: (route, path, theirs, ours) patterns, each with the reason.

A pattern is searched in the text; "" is any. The first line that fits counts.
"""
import json
import re

from differ import same

LINES = [
    # route                      path                 theirs  ours   reason
    (r"/flow_runs", r"job_variables$", "^null$", r"^\{\}$", "a run with an idempotency key and no job variables has {} like any other"),
    ("", r"^status \d+/422$", "", "too big integer", "integers have 64 bits"),
    ("", r"exception_detail", "", "json_invalid", "integers have 64 bits"),
    ("", r"^status 500/", "", "", "the reference fails; wf answers"),
]


def text(value):
    return "(absent)" if value is same.NO else json.dumps(value, ensure_ascii=False)


def reason(d):
    for route, path, theirs, ours, why in LINES:
        if re.search(route, d.route) and re.search(path, d.path) and re.search(theirs, text(d.theirs)) and \
                re.search(ours, text(d.ours)):
            return why
    return None
