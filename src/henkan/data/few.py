"""Training on few pictures: how many does it take?"""

from __future__ import annotations

from hashlib import blake2b

from henkan.data.pictures import Pictures
from henkan.errors import UserError


class Few:
    """Keeps `count` pictures of the training split, chosen by the hash of their names: fewer are some of more."""

    def __init__(self, count: int) -> None:
        if count < 1:
            raise UserError(f"screen.count={count} must be 1 or more")
        self.count = count

    def leave_out(self, pictures: Pictures) -> None:
        """Take the others out of the training split; raises `UserError` if there are not so many."""
        names = pictures.some_names("train")
        if len(names) < self.count:
            raise UserError(f"{pictures.where} has {len(names)} training pictures: lower screen.count={self.count}")
        pictures.leave_out(sorted(names, key=rank)[self.count :])


def rank(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=16).digest()
