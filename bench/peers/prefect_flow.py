"""The flow of the Prefect peer. `python prefect_flow.py COUNT|-COUNT`: seconds, in a row when negative."""
import sys
import time

from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner


def fibo(n):
    return n if n < 2 else fibo(n - 1) + fibo(n - 2)


@task
def light(i):
    return i


@task
def compute(n):
    return fibo(n)


@flow(task_runner=ThreadPoolTaskRunner(max_workers=10))
def graph(count):
    begin = time.monotonic()
    if count > 0:
        for f in light.map(list(range(count))):
            f.result()
    else:
        for _ in range(-count):
            compute(10)
    return time.monotonic() - begin


if __name__ == "__main__":
    print(graph(int(sys.argv[1])))
