"""Whether two answers say the same: ids stand for each other one to one, times agree to some seconds.

An id that a server made is bound to the id at the same place of the other's answer when both are new. From then on each
stands for the other, and for the placeholder `@N@` that requests are written with.
"""
import datetime
import json
import re

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PLACE = re.compile(r"@(\d+)@")
SLUG = re.compile(r"^[a-z]+-[a-z]+$")
TIME = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$")
# Numbers that grow while one waits.
GROWING = {"total_run_time", "estimated_run_time", "estimated_start_time_delta", "sum_estimated_run_time",
           "sum_estimated_lateness", "delay_seconds", "time_in_current_state"}
# Sets that the reference keeps in no order.
UNORDERED = {"tags", "pause_keys", "active_slots", "schedules"}
SLACK_S = 4.0
# The words of an error are compared without what Python says about itself.
NO = object()


def instant(text):
    try:
        at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
        return at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)
    except (ValueError, OverflowError):
        return None


class Ids:
    """Which id of ours is which id of theirs."""

    def __init__(self):
        self.pairs = []                   # number -> (theirs, ours)
        self.of_theirs, self.of_ours = {}, {}

    def bind(self, theirs, ours):
        number = len(self.pairs)
        self.pairs.append((theirs, ours))
        self.of_theirs[theirs] = self.of_ours[ours] = number
        return f"@{number}@"

    def text_for(self, text, side):
        """A text with placeholders, as a side must see it: 0 the reference, 1 ours."""
        return PLACE.sub(lambda m: self.pairs[int(m[1])][side], text)

    def neutral(self, text):
        """A text of theirs with placeholders for the ids that are known."""
        return UUID.sub(lambda m: f"@{self.of_theirs[m[0]]}@" if m[0] in self.of_theirs else m[0], text)

    def same(self, theirs, ours):
        """Two texts that differ at most in ids; new ids are bound."""
        left, right = UUID.findall(theirs), UUID.findall(ours)
        if len(left) != len(right) or UUID.sub("@", theirs) != UUID.sub("@", ours):
            return False
        for a, b in zip(left, right):
            if a == b:
                continue
            number = self.of_theirs.get(a)
            if number is None and b not in self.of_ours:
                self.bind(a, b)
            elif number is None or self.pairs[number][1] != b:
                return False
        return True


def same_text(theirs, ours, key, ids):
    if theirs == ours or ids.same(theirs, ours):
        return True
    if TIME.match(theirs) and TIME.match(ours):
        a, b = instant(theirs), instant(ours)
        return a is not None and b is not None and abs((a - b).total_seconds()) <= SLACK_S
    if key in ("name", "display_value", "prefect.resource.name", "label"):
        return bool(SLUG.match(theirs) and SLUG.match(ours))
    return False


def words_of(detail):
    """Of the problems of a refused body, what clients may look at: where they are."""
    places = sorted({"/".join(map(str, p.get("loc", [])[:2])) for p in detail if isinstance(p, dict)})
    return [{"loc": place} for place in places]


def order(value, ids, side):
    """A text to sort the members of an unordered list by."""
    known = ids.of_theirs if side == 0 else ids.of_ours
    if isinstance(value, dict):  # what does not depend on the moment
        value = {k: v for k, v in value.items() if k not in ("created", "updated", "max_scheduled_runs") and (k != "id" or v in known)}
    return UUID.sub(lambda m: f"@{known[m[0]]}@" if m[0] in known else "@", json.dumps(value, sort_keys=True))


def differences(theirs, ours, ids, path="", key=""):
    """(path, theirs, ours) for everything that differs."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        if "exception_detail" in theirs and "exception_detail" in ours:
            theirs, ours = [{"exception_detail": words_of(v["exception_detail"])} for v in (theirs, ours)]
        for name in theirs:
            where = f"{path}.{name}" if path else name
            if name not in ours:
                yield where, theirs[name], NO
            else:
                yield from differences(theirs[name], ours[name], ids, where, name)
        for name in ours:
            if name not in theirs:
                yield f"{path}.{name}" if path else name, NO, ours[name]
    elif isinstance(theirs, list) and isinstance(ours, list):
        if len(theirs) != len(ours):
            yield f"{path}[#]", len(theirs), len(ours)
            return
        if key in UNORDERED or (not path and theirs and isinstance(theirs[0], str)) or (key == "states" and theirs and "count_runs" in theirs[0]):
            theirs = sorted(theirs, key=lambda v: order(v, ids, 0))
            ours = sorted(ours, key=lambda v: order(v, ids, 1))
        for a, b in zip(theirs, ours):
            yield from differences(a, b, ids, f"{path}[]", key)
    elif isinstance(theirs, str) and isinstance(ours, str):
        if not same_text(theirs, ours, key, ids):
            yield path, theirs, ours
    elif isinstance(theirs, bool) or isinstance(ours, bool):
        if theirs is not ours:
            yield path, theirs, ours
    elif isinstance(theirs, (int, float)) and isinstance(ours, (int, float)):
        close = abs(theirs - ours) <= SLACK_S if key in GROWING or path == "" else theirs == ours
        if not close:
            yield path, theirs, ours
    elif theirs != ours:
        yield path, theirs, ours
