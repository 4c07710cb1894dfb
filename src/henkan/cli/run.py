"""The command `henkan <verb> [overrides]`; it imports nothing heavy before it must."""

from __future__ import annotations

import os
import sys

from henkan.cli.usage import overview
from henkan.config.words import as_overrides
from henkan.launching.execute import execute
from henkan.launching.verbs import verbs
from henkan.saying import say

HELP = ("-h", "--help")


def main() -> int:
    """Run the command line of this process; return its exit code."""
    words = sys.argv[1:]
    try:
        if not words or words[0] in HELP:
            print(overview(verbs()))
            return 0
        if words[0] == "--version":
            from henkan.cli.version import told

            print(told())
            return 0
        if len(words) > 1 and words[0] in verbs() and words[1] in HELP:
            from henkan.cli.usage import usage

            print(usage(verbs()[words[0]]))
            return 0
        known = verbs().get(words[0])
        rest = as_overrides(words[1:]) if known is not None and known.composed else words[1:]
        return execute(words[0], rest).code
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except BrokenPipeError:
        # The reader (`henkan … | head`) has gone; Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
