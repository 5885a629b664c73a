"""What the pages show: a run with tasks, a subflow, a map, artifacts; one that failed; a variable; a block."""
from prefect import flow, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.blocks.system import Secret
from prefect.variables import Variable


@task
def add(x, y):
    return x + y


@task
def broken():
    raise ValueError("this task is broken")


@flow
def child(n: int = 1):
    return add(n, n)


@flow(log_prints=True)
def parent(n: int = 3):
    """Adds, asks a child, writes two artifacts."""
    first = add.submit(1, n)
    child(add.submit(first, 3).result())
    add.map([1, 2, 3], 4).result()
    create_markdown_artifact("# Figures\n\nall is well", key="report", description="seen on a page")
    create_table_artifact([{"a": 1, "b": 2}], key="table")
    print("hello from parent")


@flow
def bad():
    broken()


if __name__ == "__main__":
    parent()
    bad(return_state=True)
    Variable.set("colour", "blue", overwrite=True)
    Secret(value="nobody sees this").save("a-secret", overwrite=True)
