"""Reads what happened to every run and says what is wrong with it."""
TERMINAL = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}


def marks_of(fleet, run_id):
    path = fleet.marks / run_id
    return path.read_text().split() if path.exists() else []


def wrongs_of_run(run, states, marks):
    """RUN as the API has it, its STATES in order, the MARKS that its task wrote."""
    wrongs = []
    types = [s["type"] for s in states]
    if run["state_type"] not in TERMINAL:
        wrongs.append(f"not ended: {run['state_type']}")
    if sum(t in TERMINAL for t in types) > 1:
        wrongs.append("more than one final state")
    if any(t in TERMINAL for t in types[:-1]):
        wrongs.append("a state after the final one")
    if types and types[-1] != run["state_type"]:
        wrongs.append(f"the last of its states is {types[-1]}, the run says {run['state_type']}")
    for before, after in zip([None, *types], types):
        if after == "RUNNING" and before not in ("PENDING", "RUNNING") or after == "COMPLETED" and before != "RUNNING":
            wrongs.append(f"{after} after {before}")
    stamps = [s["timestamp"] for s in states]
    if stamps != sorted(stamps):
        wrongs.append("states out of order")
    if "double" in marks:
        wrongs.append("two owners at once")
    if marks.count("start") > 1:
        wrongs.append(f"started {marks.count('start')} times")
    if run["state_type"] == "COMPLETED" and marks != ["start", "end"]:
        wrongs.append("Completed, but the task says " + repr(marks))
    if run["state_type"] in ("CRASHED", "FAILED") and not run["state"]["message"]:
        wrongs.append("no reason in the message")
    return wrongs


def check(fleet, ids, acknowledged):
    """Every run that was acknowledged exists, and nothing is wrong with it: {run: [what]}; and counts by final state."""
    wrongs, counts = {}, {}
    for key, run_id in acknowledged.items():
        answer = fleet.call("GET", f"/flow_runs/{run_id}", expect=(200, 404))
        if "state" not in (answer or {}):
            wrongs[run_id] = ["acknowledged, and gone"]
            continue
        states = fleet.call("GET", f"/flow_run_states/?flow_run_id={run_id}")
        found = wrongs_of_run(answer, states, marks_of(fleet, key))
        if found:
            wrongs[run_id] = found + [[s["type"], s["name"], s.get("message")] for s in states]
        counts[answer["state_type"]] = counts.get(answer["state_type"], 0) + 1
    known = set(acknowledged)
    for path in fleet.marks.iterdir():
        if path.suffix != ".lock" and path.name not in known and path.name not in ids:
            wrongs[path.name] = ["a mark of a run that nobody asked for"]
    return wrongs, counts
