#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same calls to the reference server and to wf-api: every difference of the answers that is not meant to be.

    differential.py --seed 1 --calls 50000            both servers are started, and ended
    differential.py --seed 1 --episode 17 --verbose   one episode again, call by call
    differential.py --theirs URL --ours URL ...       servers that run already (they are emptied!)

Calls are made up by differ/*.py from a seed: objects that later calls use, odd filters, orders and pages, wrong types,
missing fields, unknown ids, walks through states. An episode is some dozens of calls about one area; both servers are
emptied after it. Programs: $WF_BIN.
"""
import argparse
import collections
import contextlib
import json
import pathlib
import random
import sys
import tempfile
import time

if __name__ == "__main__":
    sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1] / "lib")]

from differ import areas, clean, sides, world  # noqa: E402

CALLS = (30, 90)  # of an episode


class Pair:
    """Both servers, asked at the same moment."""

    def __init__(self, theirs, ours, reference=None):
        self.theirs, self.ours = sides.Side(theirs), sides.Side(ours)
        self.reference, self.meant, self.lost = reference, {}, 0
        self.examples = {}

    def again(self):
        """After a time without an answer: the reference (its SQLite may lock up) starts anew, both are emptied."""
        self.theirs.close()
        self.ours.close()
        self.lost += 1
        if self.reference is not None:
            self.reference.process.kill()
            self.reference.stop()
            self.reference.start()
            self.reference.wait()
        clean.all(self)

    def ask(self, theirs, ours, headers):
        """(status, JSON or text) of both."""
        for attempt in range(6):
            self.theirs.send(*theirs, headers)
            if attempt == 0:
                self.ours.send(*ours, headers)
                mine = parsed(self.ours.receive())
            answer = parsed(self.theirs.receive())
            if answer[0] != 503:
                return answer, mine
            time.sleep(0.2)  # its database was busy
        return answer, mine


def parsed(answer):
    with contextlib.suppress(ValueError):
        return answer[0], json.loads(answer[1])
    return answer


def episode(pair, seed, number, area=None, tell=None):
    """Plays one episode; the world it leaves behind."""
    w = world.World(pair, seed, number, tell)
    names = list(areas.AREAS)
    names = [n for n in names if area is None or n in area.split(",")]
    name = random.Random(f"{seed}:{number}").choices(names, [areas.AREAS[n][0] for n in names])[0]
    w.area = name
    steps = areas.AREAS[name][1]
    budget = w.rng.randint(*CALLS)
    try:
        while w.calls < budget:
            w.rng.choices(list(steps), list(steps.values()))[0](w)
        clean.all(pair, w.objects)
    except world.Stopped:
        clean.all(pair)
    except (world.Lost, OSError):
        pair.again()
    return w


def campaign(pair, seed, calls, seconds, area=None, progress=None):
    """Episodes until CALLS are made or SECONDS are over: (calls, episodes, differences by key)."""
    end, done, number = time.monotonic() + seconds, 0, 0
    found, spent = collections.OrderedDict(), collections.Counter()
    while done < calls and time.monotonic() < end:
        w = episode(pair, seed, number, area)
        for d in w.found[:1]:  # what follows the first follows from it
            if progress and d.key not in found:
                print(f"episode {number}: {d}", file=sys.stderr, flush=True)
            found.setdefault(d.key, []).append((number, d))
        done += w.calls
        spent[w.area] += w.calls
        number += 1
        if progress and number % 20 == 0:
            progress(done, number, found)
    return done, number, found, spent


def report(found, most=60):
    lines = []
    for key, hits in sorted(found.items(), key=lambda kv: -len(kv[1]))[:most]:
        number, d = hits[0]
        lines.append(f"{len(hits)}x, first in episode {number}: {d}")
    return "\n".join(lines)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--calls", type=int, default=5000)
    p.add_argument("--seconds", type=float, default=1e9)
    p.add_argument("--area", help="some of " + ",".join(areas.AREAS))
    p.add_argument("--episode", type=int)
    p.add_argument("--verbose", action="store_true")
    p.add_argument("--meant", action="store_true", help="show an example of each difference that is meant to be")
    p.add_argument("--theirs")
    p.add_argument("--ours")
    a = p.parse_args()
    with contextlib.ExitStack() as stack:
        theirs, ours, reference = a.theirs, a.ours, None
        if not theirs or not ours:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            reference, server = sides.both(folder)
            stack.callback(reference.stop)
            stack.callback(server.stop)
            theirs, ours = theirs or reference.api, ours or server.api
        pair = Pair(theirs, ours, reference)
        clean.all(pair)
        if a.episode is not None:
            w = episode(pair, a.seed, a.episode, a.area, print if a.verbose else None)
            print("\n".join(str(d) for d in w.found) or "no difference")
            return 1 if w.found else 0
        began = time.monotonic()

        def progress(done, number, found):
            print(f"{time.monotonic() - began:.0f} s: {done} calls, {number} episodes, {len(found)} kinds of difference",
                  file=sys.stderr, flush=True)
        done, number, found, spent = campaign(pair, a.seed, a.calls, a.seconds, a.area, progress)
        print(report(found))
        if a.meant:
            print("\n".join(f"meant, {pair.meant[why]}x: {why}: {d}" for why, d in pair.examples.items()))
        print(f"{done} calls in {number} episodes ({dict(spent)}), {len(found)} kinds of difference; meant: {pair.meant}, "
              f"{pair.lost} times without an answer")
        return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
