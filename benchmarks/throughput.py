"""Measure how much faster `henkan train` trains GLCIC than the loop that reimplementations usually write.

    uv run python benchmarks/throughput.py [hydra overrides ...]

128 px, full width, batch 8, both discriminators, on a CPU. The two take turns in one process (see `turns.py`).
"""

from __future__ import annotations

import sys

from overhead import COMMON
from turns import measure

CASE = (
    "scale=laptop",
    "scale.width=1.0",
    "scale.size=128",
    "scale.batch=8",
    "trainer.accelerator=cpu",
    "trainer.log_every=2",
    "schedule.joint.iterations=12",
)
WANTED = 2.0


def main(overrides: list[str]) -> None:
    speed, multiple = measure([*COMMON, *CASE, "loss=[mse,adversarial]", *overrides], {"_target_": "usual.UsualLoop"})
    print(f"henkan {speed:.3f} it/s ({8 * speed:.2f} pictures/s): {multiple:.2f} times the usual loop, wanted {WANTED}")


if __name__ == "__main__":
    main(sys.argv[1:])
