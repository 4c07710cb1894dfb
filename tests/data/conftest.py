"""Lets the tests here share `pictures_on_disk` and `svg_on_disk`, whatever pytest's import mode."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
