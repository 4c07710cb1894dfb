"""Seeds as pure functions: all randomness derives from (seed, component, counter) and is never carried along."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np


def seed_for(seed: int, *words: str | int) -> int:
    """Return a 63-bit seed that depends on `seed` and `words` alone (BLAKE2b), the same on every machine."""
    text = "\x1f".join(str(word) for word in (seed, *words))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator_for(seed: int, *words: str | int) -> np.random.Generator:
    """Return NumPy's generator seeded by `seed_for`."""
    return np.random.Generator(np.random.PCG64(seed_for(seed, *words)))
