"""Holds a Redis to docs/redis-keys.md: every key is one that the table there explains, and what it says about bounds is so."""
import pathlib
import re

import wf

KEPT = 3600  # seconds that the record of an ended run is kept
NAMES = {"queue": r"(?P<queue>.+)", "lane": r"(?P<lane>[^:]+)", "id": r"(?P<id>[0-9a-f-]{36})"}


def table(path=None):
    """[(pattern, type)] of the table "Keys"; a pattern of a pool begins after its wf:{pool}."""
    text = pathlib.Path(path or wf.TOP / "docs" / "redis-keys.md").read_text()
    rows = re.findall(r"^\| (`[^|]+) \| ([a-z ]+) \|", text.split("## Keys\n\n")[1].split("\n\n")[0], re.M)
    found = []
    for keys, kind in rows:
        if kind == "channel":
            continue
        for key in re.findall(r"`([^`]+)`", keys):
            whole = "".join(NAMES[p[1:-1]] if p.startswith("<") else re.escape(p) for p in re.split(r"(<[a-z]+>)", key))
            found.append((re.compile(whole + r"\Z"), {"sorted set": "zset"}.get(kind, kind)))
    assert len(found) > 12, "the table of docs/redis-keys.md could not be read"
    return found


def _pool(key):
    match = re.match(r"wf:\{([^}]*)\}(:.*)\Z", key)
    return (re.sub("%(7B|7D|25)", lambda m: bytes.fromhex(m[1]).decode(), match[1]), match[2]) if match else (None, key)


class Check:
    def __init__(self, redis, pools=None):
        """POOLS: those that exist; None: any."""
        self.redis, self.pools, self.wrongs, self.table = redis, pools, [], table()

    def run(self):
        for key in sorted(self.redis.scan()):
            self._key(key)
        return self.wrongs

    def _say(self, key, what):
        self.wrongs.append(f"{key}: {what}")

    def _key(self, key):
        pool, rest = _pool(key)
        kind = self.redis("TYPE", key)
        if kind == "none":
            return  # gone meanwhile
        fits = [(p.match(rest), t) for p, t in self.table if p.match(rest)]
        if not fits:
            return self._say(key, "docs/redis-keys.md does not know it")
        if kind not in [t for _, t in fits]:
            return self._say(key, f"is a {kind}, docs/redis-keys.md says {fits[0][1]}")
        if pool is not None and self.pools is not None and pool not in self.pools:
            return self._say(key, "its pool does not exist")
        if rest.startswith(":run:"):
            self._run(key, f"wf:{{{key[4:].split('}')[0]}}}", rest[5:])
        elif rest in (":lease", ":held", ":lost"):
            for run in self.redis("ZRANGE" if kind == "zset" else "SMEMBERS", key, *((0, -1) if kind == "zset" else ())):
                if not self.redis("EXISTS", f"{key.rsplit(':', 1)[0]}:run:{run}"):
                    self._say(key, f"has {run}, of which there is no record")
        return None

    def _run(self, key, prefix, run):
        """A record is in what its state says, or it has an end."""
        for _ in range(2):  # it may change between two commands
            record, ttl = self.redis.hash(key), self.redis("TTL", key)
            if not record:
                return
            state = record.get("st")
            if state in ("done", "drop"):
                well = 0 <= ttl <= KEPT
            elif state == "ready":
                well = self.redis("ZSCORE", f"{prefix}:ln:{record.get('ln', '-')}:{record.get('q')}", run)
            elif state in ("leased", "ext"):
                well = self.redis("ZSCORE", f"{prefix}:lease", run)
            else:
                well = state == "lost" and self.redis("ZSCORE", f"{prefix}:lost", run)
            if well:
                return
        self._say(key, f"has no end: {record}, TTL {ttl}")


def check(redis, pools=None):
    """What is wrong with the keys: [text]."""
    return Check(redis, pools).run()
