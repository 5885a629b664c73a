# SPDX-License-Identifier: Apache-2.0
"""wf-pyhost without Prefect, for test_pyhost.c: real forks, gates and descriptors.  $HOW makes it misbehave; its
children run this file as the module "fake_pyhost"."""
import os
import sys
import threading
import time
import types

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")


def run(how):
    print("ran", how, os.environ.get("MINE"))
    if how == "exit":
        sys.exit(3)
    if how == "kill":
        os.kill(os.getpid(), 9)


def host():
    sys.path.insert(0, os.path.join(TOP, "worker", "pyhost"))
    sys.dont_write_bytecode = True
    from wf_pyhost import template, world
    prefect = sys.modules["prefect"] = types.ModuleType("prefect")
    prefect.__version__, prefect.__file__ = "0", None
    template.MODULES = []
    template.Template.heat = staticmethod(lambda: None)
    world.World = lambda: None
    world.refresh = lambda mine: os.environ.get("MINE") == "plugins"
    how = os.environ.get("PYTHON_HOW", "")
    if how == "thread":
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    elif how == "dies":
        print("it is broken")
        sys.exit(9)
    template.main(sys.argv[1:])


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        run(sys.argv[1])
    else:
        host()
