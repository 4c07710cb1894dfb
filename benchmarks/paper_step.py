"""Take one joint iteration of a recipe at scale=paper on the CPU, batch 1, and print its peak memory.

    uv run python benchmarks/paper_step.py [recipe] [hydra overrides ...]

The networks, losses, optimizers and sizes are the paper's (for glcic 256 and 128 pixels, full width, ADADELTA); each
phase has one iteration, so that the last one, joint, is taken too.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time

from henkan.config.composition import compose_root
from henkan.verbs import train


def main(words: list[str]) -> None:
    recipe, overrides = (words or ["glcic"])[0], words[1:]
    common = ["batch_size=1", "trainer.accelerator=cpu", "trainer.workers=0", "trainer.bar=false", "logger=none"]
    common += ["validation.pictures=1", "evaluation.split=null", "metric=[psnr]", "trainer.log_every=1"]
    with tempfile.TemporaryDirectory() as folder:
        chosen = [f"experiment={recipe}", "scale=paper", *common, f"paths.runs={folder}", *overrides]
        config = compose_root("train", chosen)
        for phase in config.schedule.values():
            phase.iterations = 1
        since = time.perf_counter()
        train.main(config)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{recipe} at scale=paper: one iteration a phase in {time.perf_counter() - since:.1f} s, peak {memory:.2f} GB"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
