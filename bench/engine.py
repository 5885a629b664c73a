"""The rows of the task engine: functions of C and commands, beside fork and posix_spawn on the same machine.

Each function takes the Bench of bench/run and gives rows (what, unit, ours, floor, budget); a budget in ms is absolute.
"""
import os
import subprocess
import tempfile
import time


streams = {}


def run(bench, *argv, env=None, **options):
    """Seconds that a program took, and what it printed."""
    begin = time.monotonic()
    done = subprocess.run([str(a) for a in argv], check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env={**os.environ, **(env or {})}, cwd=bench.dir, **options)
    return time.monotonic() - begin, done.stdout


def cflow(bench, *args, offline=False):
    """A C flow by hand, recorded at the API unless OFFLINE."""
    env = {} if offline else {"WF_API_URL": bench.start_server().api}
    return run(bench, bench.program("bench/cflow"), "run", *args, "-q", *(["--offline"] if offline else []), env=env)


def floor(bench, *args):
    return float(run(bench, bench.program("bench/cflow"), *args)[1])


def spawns(bench, count, width, *argv):
    """Processes per second; the last line, behind what they print."""
    return float(run(bench, bench.program("bench/floor_spawn"), count, width, *argv)[1].split()[-1])


def yaml(bench, name, text, *args, env=None):
    """Seconds of a YAML flow that nobody records."""
    file = bench.dir / f"{name}.flow.yaml"
    file.write_text(text)
    return run(bench, bench.program("wf-engine"), "run", file, "--offline", "-q", *args, env=env)[0]


def tasks_of(name, workers, each, count, chain=False):
    lines = [f"      t{i}: {{{each}" + (f", needs: [t{i - 1}]" if chain and i > 0 else "") + "}\n" for i in range(count)]
    return f"version: 1\nflows:\n  {name}:\n    task_runner: {{max_workers: {workers}}}\n    tasks:\n" + "".join(lines)


def functions(bench):
    count = bench.n(2000)
    bare = floor(bench, "floor", count, 10)
    alone = count / cflow(bench, "light", "-p", f"count={count}", offline=True)[0]
    recorded = count / cflow(bench, "light", "-p", f"count={count}")[0]
    return [("function tasks, not recorded", "1/s", alone, bare, None),
            ("function tasks, recorded at the API", "1/s", recorded, bare, 0.6)]


def light(bench):
    bare = 400 / floor(bench, "floor", 400, 10) * 1000
    took = cflow(bench, "light", "-p", "count=400")[0] * 1000
    return [("400 light tasks, 10 workers, functions, recorded", "ms", took, bare, 250)]


def sequence(bench):
    program = bench.program("bench/cflow")
    took = cflow(bench, "chain", "-p", "count=40", "-p", "n=10")[0] * 1000
    rows = [("40 x fibo(10) in sequence, functions, recorded", "ms", took, floor(bench, "floor-fibo", 40, 10, 1) * 1000, 100)]
    took = yaml(bench, "chain", tasks_of("chain", 4, f"cmd: [{program}, fibo, \"10\"]", 40, chain=True)) * 1000
    return rows + [("40 x fibo(10) in sequence, commands", "ms", took, 40 / spawns(bench, 40, 1, program, "fibo", 10) * 1000, 100)]


def fibo(bench):
    """What 10 x fibo(33) cost beside the computing itself, two at a time."""
    program, n = bench.program("bench/cflow"), 24 if bench.quick else 33
    bare = floor(bench, "floor-fibo", 10, n, 2) * 1000
    took = cflow(bench, "fibos", "-p", "count=10", "-p", f"n={n}")[0] * 1000
    rows = [(f"10 x fibo({n}), functions, recorded: beside computing", "ms", took - bare, bare, 20)]
    bare = 10 / spawns(bench, 10, 2, program, "fibo", n) * 1000
    took = yaml(bench, "fibos", tasks_of("fibos", 2, f"cmd: [{program}, fibo, \"{n}\"]", 10)) * 1000
    return rows + [(f"10 x fibo({n}), commands: beside computing", "ms", took - bare, bare, 20)]


def plan(bench):
    count = bench.n(100000)
    read, schedule, size = (float(x) for x in run(bench, bench.program("bench/plan"), "tasks", count)[1].split())
    _, schedule_10, _ = (float(x) for x in run(bench, bench.program("bench/plan"), "tasks", count // 10)[1].split())
    items = bench.n(1000000)
    took, more = (float(x) for x in run(bench, bench.program("bench/plan"), "items", items)[1].split())
    return [(f"plan of {count:,} tasks, read and scheduled", "ms", (read + schedule) * 1000, None, 2000),
            ("the same, scheduling of each task (floor: of a tenth of them)", "us", schedule / count * 1e6,
             schedule_10 / count * 1e7, None),
            ("the same, memory of each task", "KB", size / 1024, None, 1),
            (f"map of {items:,} items, scheduled", "ms", took * 1000, None, None),
            ("the same, resident memory more than before", "MB", more / 1024, None, 5)]


def stream(bench):
    """A generator and a task whose result is there already: all of the engine, no process for an item."""
    def one(count):
        text = ("version: 1\nflows:\n  s:\n    tasks:\n"
                f"      numbers: {{cmd: [seq, \"{count}\"], generator: true, outputs: json}}\n"
                "      each: {for_each: {n: \"{{ tasks.numbers }}\"}, cache: {key: same}, cmd: [\"true\"]}\n")
        file = bench.dir / "stream.flow.yaml"
        file.write_text(text)
        pid = os.spawnve(os.P_NOWAIT, bench.program("wf-engine"), ["wf-engine", "run", str(file), "--offline", "-q"],
                         {**os.environ, "WF_RESULTS_DIR": str(bench.dir / "stream")})
        _, status, usage = os.wait4(pid, 0)
        if status != 0:
            raise SystemExit(f"the stream of {count} items ended with {status}")
        return usage.ru_maxrss / 1024
    many = bench.n(1000000)
    if many not in streams:  # minutes: once for all rounds
        streams[many] = one(many // 100), one(many)
    small, big = streams[many]
    return [(f"{many:,} items from a generator, resident memory (floor: {many // 100:,})", "MB", big, small, None)]


def cache(bench):
    """A hit beside what it saves: starting the process."""
    count, folder = bench.n(2000), tempfile.mkdtemp(dir=bench.dir)
    env = {"WF_RESULTS_DIR": folder}
    text = ("version: 1\nflows:\n  c:\n    tasks:\n      m: {{for_each: {{n: {items}}}, with: {{n: \"{{{{ item.n }}}}\"}}, "
            "cmd: [\"true\"], cache: {{policy: INPUTS}}}}\n").format(items=list(range(count)))
    yaml(bench, "cached", text, env=env)
    hit = yaml(bench, "cached", text, env=env) / count * 1000
    return [("cache hit", "ms", hit, 1000 / spawns(bench, count, 1, "true"), 0.2)]


def start(bench):
    """From exec of wf-engine to the first line of the first task; the floor: a program that starts one."""
    stamp, took, bare = bench.program("bench/stamp"), [], []
    flow = bench.dir / "start.flow.yaml"
    second = bench.dir / "second"
    flow.write_text(f"version: 1\nflows:\n  s:\n    tasks:\n      t: {{cmd: [{stamp}], env: {{WF_IN_file: {second}}}}}\n")
    first = bench.dir / "first"
    env = {**os.environ, "WF_IN_file": str(first)}
    for _ in range(20 if bench.quick else 60):
        subprocess.run([stamp, bench.program("wf-engine"), "run", str(flow), "--offline", "-q"], env=env, check=True,
                       stdout=subprocess.DEVNULL)
        took.append((int(second.read_text()) - int(first.read_text())) / 1e6)
        subprocess.run([stamp, "env", f"WF_IN_file={second}", stamp], env=env, check=True)
        bare.append((int(second.read_text()) - int(first.read_text())) / 1e6)
    return [("engine start: exec to its first task", "ms", sorted(took)[len(took) // 2], sorted(bare)[len(bare) // 2], 3)]


ROWS = {"functions": functions, "light": light, "sequence": sequence, "fibo": fibo, "plan": plan, "stream": stream,
        "cache": cache, "start": start}
