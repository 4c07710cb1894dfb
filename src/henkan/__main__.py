"""`python -m henkan` is `henkan`; distributed runs are started again by this name."""

import sys

from henkan.cli.run import main

if __name__ == "__main__":
    sys.exit(main())
