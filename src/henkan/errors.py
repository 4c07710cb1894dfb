"""What ends a verb: mostly errors a person caused or can mend, with one line, exit code 2 and no traceback."""


class UserError(Exception):
    """Something the user can mend; the message names the thing and the way out, in one line."""


class Missing(UserError):
    """Something that can be had is not here; the message says what, and how to have it."""


class MissingWeights(Missing):
    """Weights that must be fetched are absent; the message says which file, from where and where to put it."""


class MissingPackage(Missing):
    """A package of one of the extras is not installed; the message says which, and the command that installs it."""


class BrokenPicture(UserError):
    """A picture file that is missing, damaged or of a kind that cannot be read; the message names it."""


class Interrupted(SystemExit):
    """A signal has ended a verb where the same command goes on; the exit code is a shell's, 128 + the signal."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(128 + number)
        self.message = message

    def __str__(self) -> str:
        return self.message


class TrainingFailed(Exception):
    """Training itself went wrong (a NaN loss, say); the message names the iteration and the term."""
