"""The mark of runs that this person made: a keyed hash in `run.json` that nobody else can write.

The key lies in the user's state folder. Where it is lost or cannot be kept, own runs are like those of anybody else.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock
from omegaconf import DictConfig, OmegaConf

from henkan.files import replaced

# Of the key, in bytes.
LENGTH = 32


def mark(identity: str, config: Mapping[str, Any]) -> str | None:
    """Return the mark of a run with this identity and config; the first one makes the key. None: no key can be kept."""
    key = made()
    return None if key is None else signed(key, identity, OmegaConf.create(dict(config)))


def is_own(record: Mapping[str, Any], config: DictConfig) -> bool:
    """Whether a run folder's record and config are together as this person's henkan wrote them."""
    key, given = kept(), record.get("mark")
    if key is None or not isinstance(given, str):
        return False
    return hmac.compare_digest(signed(key, str(record.get("identity")), config).encode(), given.encode())


def signed(key: bytes, identity: str, config: DictConfig) -> str:
    # The values and not the file, so that what was checked is what is built.
    content = repr((identity, OmegaConf.to_container(config, resolve=False)))
    return hmac.digest(key, content.encode(errors="surrogatepass"), hashlib.sha256).hex()


def key_file() -> Path:
    """Return where the key lies: `$XDG_STATE_HOME/henkan` or `~/.local/state/henkan`."""
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (given if given.is_absolute() else Path("~/.local/state").expanduser()) / "henkan" / "key"


def kept() -> bytes | None:
    """Return the key, if there is a whole one."""
    try:
        path = key_file()
        key = path.read_bytes() if path.is_file() else b""
    # There is no home at all.
    except (OSError, RuntimeError):
        return None
    return key if len(key) == LENGTH else None


def made() -> bytes | None:
    """Return the key; a new one, for this person's eyes only, where there is none. Two processes agree on one."""
    if (key := kept()) is not None:
        return key
    try:
        path = key_file()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(path.with_name("key.lock")):
            if kept() is None:
                with replaced(path) as partial:
                    partial.touch(mode=0o600)
                    partial.write_bytes(secrets.token_bytes(LENGTH))
    except (OSError, RuntimeError):
        return None
    return kept()
