"""Refuses every connection beyond this machine: in the suite, and in each Python process that a test starts.

Python imports a module of this name at its start from wherever PYTHONPATH says; `conftest.py` puts this folder there.
"""

import socket

HERE = ("127.0.0.1", "::1", "localhost")


def guarded(name):
    original = getattr(socket.socket, name)

    def connect(self, address):
        host = address[0] if isinstance(address, tuple) else ""
        if self.family != socket.AF_UNIX and host not in HERE:
            raise OSError(f"a test tried to reach {host}")
        return original(self, address)

    return connect


for name in ("connect", "connect_ex"):
    setattr(socket.socket, name, guarded(name))
