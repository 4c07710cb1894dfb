"""Says in one line what was wrong with a command, and in one what ended a run."""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Iterable, Sequence

from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf.errors import (
    InterpolationKeyError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from henkan.config.composition import known_keys
from henkan.config.resolved import required
from henkan.config.trees import config_folder, group_options, groups
from henkan.errors import TrainingFailed, UserError

# What of the file system's refusals the user can mend (exit code 2), and what has run out (1).
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}
EXHAUSTED = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def explain(error: Exception, verb: str, arguments: Sequence[str]) -> tuple[str | None, int]:
    """Return what went wrong in one line, and the exit code; no line for what must be a bug.

    `arguments` is the command line after the verb: a misspelt key is compared with those of the config it meant.
    """
    overrides = [word for word in arguments if "=" in word and not word.startswith("-")]
    if isinstance(error, UserError):
        return no_value_for_a_group(error, overrides) or from_worker(error), 2
    if isinstance(error, TrainingFailed):
        return one_line(error), 1
    if isinstance(error, MissingConfigException):
        return no_such_option(error), 2
    if isinstance(error, OverrideParseException):
        reason = str(error).partition("\n")[0]
        key, _, value = error.override.partition("=")
        way = "'loss=[mse,adversarial]'" if value.startswith(("[", "{")) else f"""'{key}="{value}"'"""
        return f"cannot read {error.override!r}: {reason}; quote it, for the shell too, as in {way}", 2
    if isinstance(error, ConfigCompositionException):
        return composition_failed(error, verb, overrides), 2
    if isinstance(error, InstantiationException):
        # Hydra builds launchers and sweepers itself.
        return (one_line(error.__cause__), 2) if isinstance(error.__cause__, UserError) else (None, 1)
    if isinstance(error, HydraException):
        return one_line(error), 2
    if isinstance(error, OmegaConfBaseException):
        return value_failed(error), 2
    if isinstance(error, OSError):
        return system_refused(error)
    return None, 1


def no_such_option(error: MissingConfigException) -> str:
    """Say which option of which group does not exist, and which one is nearest."""
    group, _, option = (error.missing_cfg_file or "").rpartition("/")
    known = group_options(group)
    if (group, option) == ("hydra/sweeper", "optuna"):
        return (
            "hydra/sweeper=optuna is Hydra's own Optuna sweeper: pip install 'henkan[sweeper]', in another environment "
            "than henkan[search]; henkan search needs no sweeper"
        )
    if not known:
        return one_line(error)
    return f"there is no {group}={option}{suggestion(option, known)}; there are: {', '.join(known)}"


def no_value_for_a_group(error: UserError, overrides: Sequence[str]) -> str | None:
    """Say how a group is left out, where Hydra found null."""
    for word in overrides if "Got NoneType" in str(error) else ():
        key, _, value = word.partition("=")
        group = key.partition("@")[0]
        if value == "null" and group in groups():
            way = f"there are: {', '.join(group_options(group))}" if group in required() else f"~{key} chooses none"
            return f"{word}: an option of {group}, not a value, is chosen so; {way}"
    return None


def composition_failed(error: ConfigCompositionException, verb: str, overrides: Sequence[str]) -> str:
    """Say why a config could not be composed."""
    text = one_line(error)
    if "Ambiguous value" in text or "requires --multirun" in text:
        word = text.split("'")[1]
        key, _, values = word.partition("=")
        return f"{word!r} has several values: add -m to sweep over them, or write {key}=[{values}] for a list"
    if text.startswith(("Could not override", "Could not append to config. No match")):
        key = text.split("'")[1]
        rest = [word for word in overrides if word.lstrip("+~").partition("=")[0] != key]
        root = verb if (config_folder() / f"{verb}.yaml").is_file() else "train"
        known = [*groups(), *known_keys(root, rest)]
        return f"there is no key {key!r}{suggestion(key, known)}; +{key}=… adds a new one"
    cause = error.__cause__
    if isinstance(cause, OmegaConfBaseException):
        return value_failed(cause) or f"{text}: {one_line(cause)}"
    return text


def value_failed(error: OmegaConfBaseException) -> str | None:
    """Say which value is missing or unfit; nothing where code asked for a key that no config has."""
    found = re.search(r"full_key: (\S+)", str(error))
    key = found[1] if found else error.full_key
    if isinstance(error, MissingMandatoryValue):
        return f"{key} must be given: {key}=…"
    if isinstance(error, ValidationError | InterpolationKeyError | InterpolationResolutionError):
        reason = str(error).partition("\n")[0]
        return f"{key}: {reason}" if key else reason
    return None


def system_refused(error: OSError) -> tuple[str | None, int]:
    """Say what the file system refused, unless that would be a bug."""
    path = f" {error.filename}" if error.filename else ""
    if error.errno in REFUSED:
        return (
            f"cannot open or write{path}: {error.strerror}; paths.runs=DIR and paths.cache=DIR choose other folders",
            2,
        )
    if error.errno in EXHAUSTED:
        return f"cannot write{path}: {error.strerror}; free some, then the same command goes on", 2
    return None, 1


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the nearest known word: whole, or a dotted key that ends with it."""
    names = list(dict.fromkeys(known))
    ends = [name for name in names if name.endswith(f".{word}")]
    near = ends or difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if not near and "." in word:
        parent = word.rpartition(".")[0]
        near = difflib.get_close_matches(
            word, [name for name in names if name.startswith(f"{parent}.")], n=1, cutoff=0.0
        )
    return f" (did you mean {' or '.join(repr(name) for name in near[:3])}?)" if near else ""


def from_worker(error: BaseException) -> str:
    """Return the message of an error, without the traceback that PyTorch puts before one of a data worker."""
    text = str(error)
    if "in DataLoader worker process" in text:
        return text.strip().splitlines()[-1].partition(": ")[2]
    return one_line(error)


def reason(error: BaseException) -> str:
    """Return in one line why a run failed, for its record."""
    if isinstance(error, UserError | TrainingFailed):
        return from_worker(error)
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return "interrupted"
    return f"{type(error).__name__}: {one_line(error)}"


def one_line(error: BaseException) -> str:
    """Return the message of an error on one line."""
    return " ".join(str(error).split()) or type(error).__name__
