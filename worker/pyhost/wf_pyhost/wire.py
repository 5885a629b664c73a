# SPDX-License-Identifier: Apache-2.0
"""Frames between wf-worker and us: four bytes of length (big endian), then JSON; descriptors come with the first byte."""
import array
import json
import os
import socket

FRAME_MAX = 8 << 20
FDS_MAX = 8


def send(sock, message):
    data = json.dumps(message).encode("utf-8", "surrogateescape")
    sock.sendall(len(data).to_bytes(4, "big") + data)


def _take(sock, count):
    """COUNT bytes and the descriptors that came with them; fewer bytes at the end of the connection."""
    data, fds = b"", []
    space = socket.CMSG_SPACE(FDS_MAX * array.array("i").itemsize)
    while len(data) < count:
        more, extra, _, _ = sock.recvmsg(min(count - len(data), 1 << 16), space, socket.MSG_CMSG_CLOEXEC)
        for level, kind, payload in extra:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                got = array.array("i")
                got.frombytes(payload[:len(payload) - len(payload) % got.itemsize])
                fds += got
        if not more:
            break
        data += more
    return data, fds


def receive(sock):
    """(message, descriptors), or (None, []) when the worker has gone."""
    head, fds = _take(sock, 4)
    if len(head) < 4:
        return None, []
    length = int.from_bytes(head, "big")
    if length > FRAME_MAX:
        raise ValueError(f"a frame of {length} bytes")
    body, more = _take(sock, length)
    if len(body) < length:
        for fd in fds + more:
            os.close(fd)
        return None, []
    return json.loads(body.decode("utf-8", "surrogateescape")), fds + more
