"""Errors a person caused or can mend: one line, exit code 2, no traceback."""


class UserError(Exception):
    """Something the user can mend; the message names the thing and the way out, in one line."""


class MissingWeights(UserError):
    """Weights that must be fetched are absent; the message says which file, from where and where to put it."""


class TrainingFailed(Exception):
    """Training itself went wrong (a NaN loss, say); the message names the iteration and the term."""
