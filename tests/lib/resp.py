"""Redis' protocol, as much of it as the tests need."""
import socket


class Redis:
    """A few commands; PATH is a Unix socket, or (host, port)."""

    def __init__(self, path, password=None):
        self.socket = socket.socket(socket.AF_INET if isinstance(path, tuple) else socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path if isinstance(path, tuple) else str(path))
        self.file = self.socket.makefile("rb")
        if password:
            self("AUTH", password)

    def __call__(self, *words):
        words = [str(w).encode() for w in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        return self.answer()

    def answer(self):
        line = self.file.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        if kind == b"-":
            raise AssertionError(rest.decode())
        return int(rest) if kind == b":" else rest.decode()

    def hash(self, key):
        flat = self("HGETALL", key)
        return dict(zip(flat[::2], flat[1::2]))

    def scan(self):
        """All keys."""
        found, cursor = set(), "0"
        while True:
            cursor, some = self("SCAN", cursor, "COUNT", 1000)
            found.update(some)
            if cursor == "0":
                return found
