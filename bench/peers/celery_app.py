"""The tasks of the Celery peer; CELERY_SOCKET is the redis-server's. `python celery_app.py COUNT|-COUNT`: seconds, in a row when negative."""
import os
import sys
import time

import celery

URL = "redis+socket://" + os.environ["CELERY_SOCKET"]
app = celery.Celery("celery_app", broker=URL, backend=URL)
app.conf.worker_prefetch_multiplier = 1


def fibo(n):
    return n if n < 2 else fibo(n - 1) + fibo(n - 2)


@app.task
def light(i):
    return i


@app.task
def compute(n):
    return fibo(n)


if __name__ == "__main__":
    count = int(sys.argv[1])
    light.delay(0).get(timeout=60)
    begin = time.monotonic()
    if count > 0:
        for r in [light.delay(i) for i in range(count)]:
            r.get(timeout=120)
    else:
        for _ in range(-count):
            compute.delay(10).get(timeout=60)
    print(time.monotonic() - begin)
