"""The same graphs in other programs: 400 light tasks with 10 workers, 40 tasks in a row.

The column of the floor holds the other program's time, so a ratio below 1 means that wf is faster. What is not installed is left out and
named on stderr; bench/peers/install.sh installs it. WF_PEERS names the folder (build-bench/peers).
"""
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
LIGHT, ROW = 400, 40


def folder():
    return pathlib.Path(os.environ.get("WF_PEERS") or HERE.parents[1] / "build-bench" / "peers")


def seconds(argv, **options):
    begin = time.monotonic()
    subprocess.run([str(a) for a in argv], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    return time.monotonic() - begin


def printed(argv, **options):
    done = subprocess.run([str(a) for a in argv], check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options)
    return float(done.stdout.split()[-1])


# -- each gives (seconds of LIGHT, seconds of ROW), or None when it is not there --

def make(bench):
    file = bench.dir / "peer.mk"
    names = [f"t{i}" for i in range(LIGHT)]
    row = [f"r{i}: {f'r{i - 1}' if i else ''}\n\t@/bin/true fibo\n" for i in range(ROW)]
    file.write_text(f".PHONY: {' '.join(names)}\nlight: {' '.join(names)}\n{' '.join(names)}:\n\t@/bin/true light\n" + "".join(row))
    program = shutil.which("make")
    return program and (seconds([program, "-f", file, "-j10", "light"]), seconds([program, "-f", file, f"r{ROW - 1}"]))


def lines_for(argv_light, argv_row):
    numbers = "\n".join(str(i) for i in range(LIGHT)) + "\n"
    few = "\n".join(str(i) for i in range(ROW)) + "\n"
    return (seconds(argv_light, input=numbers, text=True), seconds(argv_row, input=few, text=True))


def xargs(bench):
    return lines_for(["xargs", "-n1", "-P10", "true"], ["xargs", "-n1", "-P1", "true"]) if shutil.which("xargs") else None


def parallel(bench):
    env = {"env": {**os.environ, "HOME": str(bench.dir)}}
    if not shutil.which("parallel"):
        return None
    numbers = "\n".join(str(i) for i in range(LIGHT)) + "\n"
    few = "\n".join(str(i) for i in range(ROW)) + "\n"
    return (seconds(["parallel", "-j10", "true"], input=numbers, text=True, **env),
            seconds(["parallel", "-j1", "true"], input=few, text=True, **env))


def dagu(bench):
    program = next((p for p in (folder() / "dagu", shutil.which("dagu")) if p and pathlib.Path(p).exists()), None)
    if program is None:
        return None
    took = []
    for name, count, chain in (("light", LIGHT, False), ("row", ROW, True)):
        file = bench.dir / f"{name}.dagu.yaml"
        steps = [f"  - name: t{i}\n    command: \"true\"\n" + (f"    depends: [t{i - 1}]\n" if chain and i else "") for i in range(count)]
        file.write_text("type: graph\nmaxActiveSteps: 10\nsteps:\n" + "".join(steps))
        took.append(seconds([program, "start", file], env={**os.environ, "DAGU_HOME": str(bench.dir / "dagu")}))
    return tuple(took)


def python_of(name):
    python = folder() / name / "bin" / "python"
    return python if python.exists() else None


def prefect(bench):
    python = python_of("prefect") or os.environ.get("WF_PYTHON")
    if python is None:
        return None
    env = {**os.environ, "PREFECT_API_URL": bench.start_server().api, "PREFECT_HOME": str(bench.dir / "home"), "DO_NOT_TRACK": "1",
           "PREFECT_LOGGING_LEVEL": "ERROR"}
    return tuple(printed([python, HERE / "prefect_flow.py", n], env=env, cwd=bench.dir) for n in (LIGHT, -ROW))


def celery(bench):
    python = python_of("celery")
    if python is None or not shutil.which("redis-server"):
        return None
    sock = bench.dir / f"celery{time.monotonic_ns()}.sock"
    env = {**os.environ, "CELERY_SOCKET": str(sock), "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    redis = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", str(sock), "--save", "", "--dir", str(bench.dir)], **quiet)
    worker = None
    try:
        while not sock.exists():
            time.sleep(0.02)
        worker = subprocess.Popen([python, "-m", "celery", "-A", "celery_app", "worker", "-c", "10", "-l", "ERROR"], env=env,
                                  cwd=bench.dir, **quiet)
        return tuple(printed([python, HERE / "celery_app.py", n], env=env, cwd=bench.dir) for n in (LIGHT, -ROW))
    finally:
        for p in (worker, redis):
            if p is not None:
                p.terminate()
                p.wait()


PEERS = [("make -j", make, "commands"), ("xargs -P", xargs, "commands"), ("GNU parallel", parallel, "commands"), ("Dagu", dagu, "commands"),
         ("Celery", celery, "functions"), ("Prefect's Python engine, on wf-api", prefect, "functions")]


def ours(bench):
    import engine
    command = "cmd: [\"true\"]"
    return {"commands": (engine.yaml(bench, "light", engine.tasks_of("light", 10, command, LIGHT)),
                         engine.yaml(bench, "row", engine.tasks_of("row", 10, command, ROW, chain=True))),
            "functions": (engine.cflow(bench, "light", "-p", f"count={LIGHT}")[0],
                          engine.cflow(bench, "chain", "-p", f"count={ROW}", "-p", "n=10")[0])}


def rows(bench):
    mine, out = ours(bench), []
    for name, measure, kind in PEERS:
        try:
            theirs = measure(bench)
        except (subprocess.CalledProcessError, OSError) as e:
            print(f"peers: {name} failed: {e}", file=sys.stderr)
            continue
        if not theirs:
            print(f"peers: {name} is not installed (bench/peers/install.sh)", file=sys.stderr)
            continue
        out += [(f"{LIGHT} light {kind}, 10 at a time: wf beside {name}", "ms", mine[kind][0] * 1000, theirs[0] * 1000, None),
                (f"{ROW} {kind} in a row: wf beside {name}", "ms", mine[kind][1] * 1000, theirs[1] * 1000, None)]
    return out
