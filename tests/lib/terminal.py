"""A terminal for a program that behaves otherwise on one: 24 rows, 100 columns."""
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

import wf


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, folder, *argv, **env):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        env = wf.clean_env(**{"HOME": folder, "TERM": "dumb", **env, "PATH": f"{wf.BIN}:{os.environ['PATH']}"})
        self.child = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=env, cwd=folder, start_new_session=True)
        os.close(slave)
        self.seen = ""

    def type(self, text):
        os.write(self.master, text.encode())

    def wait(self, text):
        """Reads until TEXT was written; what came before it is forgotten."""
        end = time.monotonic() + wf.PATIENCE
        while text not in self.seen:
            left = end - time.monotonic()
            assert left > 0, f"{text!r} was not written:\n{self.seen}"
            if select.select([self.master], [], [], left)[0]:
                self.seen += os.read(self.master, 4096).decode(errors="replace")
        self.seen = self.seen.split(text, 1)[1]

    def rest(self):
        """What it writes until it ends; its exit status is in child.returncode."""
        while True:
            assert select.select([self.master], [], [], wf.PATIENCE)[0], f"it does not end:\n{self.seen}"
            try:
                more = os.read(self.master, 4096)
            except OSError:  # EIO: nobody has the terminal any more
                more = b""
            if not more:
                self.child.wait(wf.PATIENCE)
                return self.seen
            self.seen += more.decode(errors="replace")

    def close(self):
        self.child.kill()
        self.child.wait()
        os.close(self.master)
