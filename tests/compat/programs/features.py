"""What Prefect's documentation shows of its Python client, in one program: it prints a line for each part that went as
documented, and ends with the traceback of the first that did not. Argument: a folder to work in."""
import asyncio
import os
import pathlib
import sys
import time

from prefect import flow, get_client, tags, task
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import StateType
from prefect.concurrency.asyncio import concurrency as async_concurrency
from prefect.concurrency.sync import concurrency, rate_limit
from prefect.deployments import run_deployment
from prefect.flow_runs import pause_flow_run, resume_flow_run
from prefect.input import RunInput
from prefect.states import Completed, Running, Scheduled
from prefect.transactions import transaction

HERE = pathlib.Path(sys.argv[1])


def said(part):
    print("ok", part, flush=True)


# ---- clients ----

@flow(name="clients")
def nothing():
    pass


async def many():
    async with get_client() as shared:
        flow_id = await shared.create_flow_from_name("clients")

        async def one(i):
            async with get_client() as c:
                run = await c.create_flow_run(nothing, name=f"run-{i}", tags=["many"])
                first = await c.set_flow_run_state(run.id, Running())
                last = await c.set_flow_run_state(run.id, Completed(message=str(i)))
                read = await c.read_flow_run(run.id)
                assert (str(first.status.value), str(last.status.value)) == ("ACCEPT", "ACCEPT")
                assert (read.state.message, read.run_count, read.flow_id) == (str(i), 1, flow_id)
                return run.id
        ids = await asyncio.gather(*(one(i) for i in range(100)))
        found = await shared.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=ids)))
        assert {r.id for r in found} == set(ids) and all(r.state.type == StateType.COMPLETED for r in found)
        counts = await asyncio.gather(*(shared.read_flow_run(i) for i in ids))
        assert len(counts) == 100


def with_the_sync_client():
    with get_client(sync_client=True) as c:
        assert c.hello().status_code == 200 and c.api_healthcheck() is None
        run = c.create_flow_run(nothing)
        assert c.set_flow_run_state(run.id, Scheduled()).status.value == "ACCEPT"
        c.update_flow_run(run.id, name="renamed", tags=["a"])
        assert (c.read_flow_run(run.id).name, c.read_flow(run.flow_id).name) == ("renamed", "clients")
        c.delete_flow_run(run.id)
        assert c.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))) == []


# ---- tasks ----

@task
def double(x):
    return 2 * x


@task
def numbers(n):
    yield from range(n)


@task
def write(text):
    (HERE / "written").write_text(text)


@write.on_rollback
def unwrite(transaction):
    (HERE / "written").unlink()


@task
async def later(x):
    await asyncio.sleep(0.01)
    return x + 1


@flow
def tasks():
    assert double.map([1, 2, 3]).result() == [2, 4, 6]
    assert [double(n) for n in numbers(3)] == [0, 2, 4]
    with tags("limited"):
        assert [f.result() for f in [double.submit(1), double.submit(2)]] == [2, 4]
    try:
        with transaction():
            write("x")
            raise ValueError("no")
    except ValueError:
        assert not (HERE / "written").exists()
    with concurrency("slots", occupy=1):
        with get_client(sync_client=True) as c:
            assert c.read_global_concurrency_limit_by_name("slots").active_slots == 1
    begin = time.monotonic()
    for _ in range(3):
        rate_limit("rate")
    assert time.monotonic() - begin > 0.3
    return "done"


@flow
async def asynchronous():
    async with async_concurrency("slots"):
        return await asyncio.gather(*(later(i) for i in range(5)))


def limits():
    from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
    with get_client(sync_client=True) as c:
        c.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name="slots", limit=1))
        c.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name="rate", limit=1, slot_decay_per_second=4))
        c.create_concurrency_limit("limited", 1)


def recorded(name, number):
    """Task runs come by events: wait until they are there."""
    for _ in range(200):
        with get_client(sync_client=True) as c:
            runs = [r for r in c.read_task_runs() if r.name.startswith(name)]
        if len(runs) >= number and all(r.state.is_final() for r in runs):
            return len(runs) == number
        time.sleep(0.05)
    raise AssertionError(f"{name}: {runs}")


# ---- pauses ----

class Answer(RunInput):
    number: int


@flow
async def asks():
    return (await pause_flow_run(wait_for_input=Answer, timeout=60, poll_interval=0.3)).number


async def pauses():
    asked = asyncio.ensure_future(asks())
    async with get_client() as c:
        for _ in range(300):
            runs = [r for r in await c.read_flow_runs() if r.state.is_paused()]
            if runs:
                break
            await asyncio.sleep(0.1)
        refused = await c.resume_flow_run(runs[0].id, run_input={"number": "many"})
        assert refused.status.value == "REJECT", refused
    await resume_flow_run(runs[0].id, run_input={"number": 42})
    assert await asked == 42


# ---- deployments ----

SOURCE = """
from prefect import flow

@flow(name="deployed")
def deployed(n: int = 1):
    return n
"""


def deployments():
    (HERE / "flows.py").write_text(SOURCE)
    with get_client(sync_client=True) as c:
        from prefect.client.schemas.actions import WorkPoolCreate
        c.create_work_pool(WorkPoolCreate(name="pool", type="process"))
        made = flow.from_source(source=str(HERE), entrypoint="flows.py:deployed").deploy(
            name="by-code", work_pool_name="pool", tags=["t"], parameters={"n": 2}, interval=3600, print_next_steps=False)
        again = flow.from_source(source=str(HERE), entrypoint="flows.py:deployed").deploy(
            name="by-code", work_pool_name="pool", parameters={"n": 3}, print_next_steps=False)
        assert made == again
        deployment = c.read_deployment(made)
        assert (deployment.parameters, deployment.work_pool_name, deployment.schedules) == ({"n": 3}, "pool", [])
        run = run_deployment("deployed/by-code", parameters={"n": 5}, timeout=0, tags=["now"])
        assert (run.state.type, run.parameters, set(run.tags)) == (StateType.SCHEDULED, {"n": 5}, {"now"})
        try:
            run_deployment("deployed/by-code", parameters={"n": "x"}, timeout=0)
        except Exception as refused:
            assert "is not of type 'integer'" in str(refused), refused
        else:
            raise AssertionError("parameters of another type")


os.chdir(HERE)
asyncio.run(many())
said("100 coroutines, each with a client of its own, and a client for all")
with_the_sync_client()
said("the sync client")
limits()
assert tasks() == "done"
said("map, generators, tags, transactions, concurrency, rate limit")
assert asyncio.run(asynchronous()) == [1, 2, 3, 4, 5] and recorded("later", 5)
said("async flows and tasks")
asyncio.run(pauses())
said("a pause with input")
deployments()
said("flow.deploy and run_deployment")
