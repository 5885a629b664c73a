#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes cases.tsv: schedules, a start, and the instants that the reference's libraries give (croniter, dateutil, its intervals).

    generate.py > cases.tsv       with a Python that has the packages of tests/compat/requirements.txt

One case a line: the schedule's JSON, the start, then up to four instants, all in microseconds since 1970. Left out is what
base/cron.h says we do differently on purpose, and what the library itself refuses. tests/unit/base/test_schedule.c reads it.
"""
import asyncio
import datetime
import json
import random
import sys
import warnings

warnings.simplefilter("ignore")
from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule  # noqa: E402

RNG = random.Random(20260801)
UTC = datetime.timezone.utc
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Apia",
         "America/St_Johns", "Pacific/Chatham", "Europe/Dublin", "Antarctica/Troll", "Asia/Kathmandu", "America/Santiago"]
# Around changes of the clock (both halves of the world), ends of months and years, leap days; and anywhere.
NEAR = ["2026-03-29T01:00", "2026-10-25T00:30", "2026-03-08T06:30", "2026-11-01T05:30", "2027-04-03T14:30", "2027-10-02T15:00",
        "2026-04-05T03:00", "2026-09-06T04:00", "2028-02-28T23:30", "2028-02-29T12:00", "2026-12-31T23:00", "2026-01-31T00:00",
        "2027-03-28T00:30", "2027-10-31T00:45"]


def start():
    if RNG.random() < 0.6:
        base = datetime.datetime.fromisoformat(RNG.choice(NEAR)).replace(tzinfo=UTC)
        return base + datetime.timedelta(minutes=RNG.choice([-1500, -90, -1, 0, 1, 30, 61]), seconds=RNG.choice([0, 0, 1, 59]))
    return datetime.datetime(2026, 1, 1, tzinfo=UTC) + datetime.timedelta(seconds=RNG.randrange(3 * 366 * 86400))


def value(low, high, names=()):
    v = RNG.randint(low, high)
    return names[v - low] if names and RNG.random() < 0.4 else str(v)


def field(low, high, names=(), every=0.3):
    """One field of an expression."""
    how = RNG.random()
    if how < every:
        return "*"
    if how < every + 0.2:
        return f"*/{RNG.choice([2, 3, 5, 7, 15])}" if high > 20 else f"*/{RNG.choice([2, 3])}"
    if how < every + 0.3:
        a = RNG.randint(low, high - 1)
        b = RNG.randint(a + 1, high)
        return f"{a}-{b}" + (f"/{RNG.randint(2, 4)}" if RNG.random() < 0.4 else "")
    if how < every + 0.4:
        return ",".join(str(v) for v in sorted(RNG.sample(range(low, high + 1), RNG.randint(2, 3))))
    return value(low, high, names)


MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


def cron():
    how = RNG.random()
    if how < 0.05:
        return RNG.choice(["@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually", "@midnight"])
    minute, hour = field(0, 59, every=0.15), field(0, 23, every=0.35)
    day = RNG.choice(["*", "*", "*", "L", "L", field(1, 28), field(1, 30)])
    month = RNG.choice(["*", "*", field(1, 12, MONTHS)])
    week = RNG.choice(["*", "*", "*", field(0, 6, DAYS), f"{RNG.choice(['1', 'fri', '5', 'mon', '0'])}#{RNG.randint(1, 5)}", "L5", "mon-fri"])
    if "#" in week or week.startswith("L"):
        day = "*"
    if "31" in day.split(",") or day in ("*/2", "*/3", "*/5", "*/15"):
        day = "*"  # a list with the 31st: see base/cron.h
    text = f"{minute} {hour} {day} {month} {week}"
    if how > 0.9:
        text += f" {field(0, 59, every=0.2)}"
    return text


def rrule():
    freq = RNG.choice(["YEARLY", "MONTHLY", "MONTHLY", "WEEKLY", "WEEKLY", "DAILY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"])
    parts = [f"FREQ={freq}"]

    def add(chance, text):
        if RNG.random() < chance:
            parts.append(text)
    add(0.5, f"INTERVAL={RNG.choice([1, 2, 3, 5, 15, 40])}")
    add(0.25, RNG.choice([f"COUNT={RNG.choice([1, 3, 50, 5000])}", f"UNTIL={RNG.choice(['20261231T235959', '20270101T000000Z', '20251231'])}"]))
    add(0.2, f"BYMONTH={','.join(map(str, sorted(RNG.sample(range(1, 13), RNG.randint(1, 3)))))}")
    if freq in ("YEARLY", "MONTHLY"):
        add(0.35, f"BYMONTHDAY={','.join(map(str, RNG.sample([1, 2, 15, 28, 29, 30, 31, -1, -2, -31], RNG.randint(1, 3))))}")
        add(0.35, f"BYDAY={','.join(RNG.sample(['MO', '1TU', '-1FR', '2WE', 'SA', '-2SU', '5MO'], RNG.randint(1, 2)))}")
        add(0.25, f"BYSETPOS={RNG.choice(['1', '-1', '2,-2', '3'])}")
    elif freq != "SECONDLY":
        add(0.35, f"BYDAY={','.join(RNG.sample(['MO', 'TU', 'WE', 'FR', 'SU'], RNG.randint(1, 3)))}")
    if freq == "YEARLY":
        add(0.15, f"BYYEARDAY={','.join(map(str, RNG.sample([1, 60, 100, 200, 366, -1, -366], 2)))}")
        add(0.15, f"BYWEEKNO={','.join(map(str, RNG.sample([1, 20, 52, 53, -1], 2)))}")
    if freq not in ("HOURLY", "MINUTELY", "SECONDLY"):
        add(0.4, f"BYHOUR={','.join(map(str, sorted(RNG.sample(range(24), RNG.randint(1, 3)))))}")
    if freq not in ("MINUTELY", "SECONDLY"):
        add(0.3, f"BYMINUTE={','.join(map(str, sorted(RNG.sample(range(60), RNG.randint(1, 2)))))}")
    add(0.1, f"BYSECOND={','.join(map(str, sorted(RNG.sample(range(60), RNG.randint(1, 2)))))}")
    add(0.15, f"WKST={RNG.choice(['SU', 'MO', 'WE'])}")
    text = ";".join(parts)
    first = RNG.choice(["20260101T000000", "20260301T023000", "20251027T013000", "20260228T120000", "20240229T060000"])
    if freq in ("MINUTELY", "SECONDLY"):
        first = RNG.choice(["20261025T013000", "20260329T014500", "20261231T230000"])
    lines = [f"DTSTART:{first}", f"RRULE:{text}"]
    if RNG.random() < 0.12:
        lines.append(f"EXDATE:{first[:8]}T000000,20260601T120000")
    if RNG.random() < 0.12:
        lines.append("RDATE:20270101T120000,20261111T111111")
    if RNG.random() < 0.08:
        lines.append("EXRULE:FREQ=WEEKLY;BYDAY=MO")
    return "\n".join(lines)


def interval():
    seconds = RNG.choice([0.5, 1, 7, 60, 90, 600, 3600, 3601, 5400, 43200, 86400, 86400, 129600, 172800, 604800, 90000, 2592000])
    zone = RNG.choice(ZONES)
    anchor = datetime.datetime(2026, 1, 1, tzinfo=UTC) + datetime.timedelta(minutes=RNG.randrange(0, 366 * 1440, 15))
    if seconds < 10:
        anchor = start() - datetime.timedelta(hours=RNG.randrange(-2, 3))
    return {"interval": seconds, "anchor_date": anchor.isoformat().replace("+00:00", "Z"), "timezone": zone}


def microseconds(t):
    return int(t.timestamp()) * 1000000 + t.microsecond


async def case(kind):
    zone, at = RNG.choice(ZONES), start()
    if kind == "cron":
        obj, model = {"cron": cron(), "timezone": zone, "day_or": RNG.random() < 0.75}, CronSchedule
    elif kind == "rrule":
        if zone == "Europe/Dublin":
            return None  # dateutil takes its winter time for the summer time
        obj, model = {"rrule": rrule(), "timezone": zone}, RRuleSchedule
        if "SECONDLY" in obj["rrule"] or "MINUTELY" in obj["rrule"]:
            at = datetime.datetime.strptime(obj["rrule"][8:23], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) + datetime.timedelta(minutes=RNG.randrange(-300, 400))
    else:
        obj, model = interval(), IntervalSchedule
    if kind == "interval" and obj["timezone"] == "Antarctica/Troll":
        return None  # in its repeated two hours the reference leaves out instants
    try:
        dates = await asyncio.wait_for(model(**obj).get_dates(4, at), 2)
    except Exception:  # refused, or too far away
        return None
    if any(d < at or d.year > 2037 for d in dates) or sorted(dates) != dates:
        return None  # instants ascend from the start; the reference has no summer time after 2037
    return "\t".join([json.dumps(obj), str(microseconds(at)), *[str(microseconds(d)) for d in dates]])


async def main():
    for kind, wanted in (("cron", 1000), ("rrule", 800), ("interval", 400)):
        made, endless = set(), 0
        while len(made) < wanted:
            line = await case(kind)
            if line and line.count("\t") < 5:
                endless += 1  # rules that search in vain take long: some are enough
                if endless > 40:
                    continue
            if line and line not in made:
                made.add(line)
                print(line)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
