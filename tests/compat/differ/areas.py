"""Areas of the API: how often an episode is about one, and what happens in it."""
from differ import events, runs, things, work

AREAS = {
    "runs": (6, runs.RUNS),
    "tasks": (5, runs.TASKS),
    "pools": (4, work.POOLS),
    "deployments": (5, work.DEPLOYMENTS),
    "small": (3, things.SMALL),
    "blocks": (2, things.BLOCKS),
    "limits": (2, things.LIMITS),
    "automations": (2, things.AUTOMATIONS),
    "events": (2, events.EVENTS),
}
