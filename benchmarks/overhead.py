"""Measure what `henkan train` costs beyond a bare PyTorch loop, in one process, the two taking turns.

    uv run python benchmarks/overhead.py [laptop] [full] [hydra overrides ...]

Each turn of the framework is followed by as many iterations of two bare loops, so that a machine that slows
down or is shared slows all. One has its batch in memory, the other reads pictures as one would by hand. They hang on
the logger: the framework runs as it is, its own logger included.
"""

from __future__ import annotations

import sys

from turns import measure

COMMON = (
    "experiment=glcic",
    "schedule=single",
    "optimizer=adam",
    "trainer.bar=false",
    # Validation, scores and checkpoints are work, not overhead; checkpoints are saved at the end only.
    "validation.every=1_000_000_000",
    "validation.pictures=1",
    "evaluation.split=null",
    "checkpoint.every=1_000_000_000",
    # Scores that need nothing to be computed or found.
    "metric=[psnr]",
    "rerun=true",
)
CASES = {
    "laptop": (0.95, ("scale=laptop", "trainer.log_every=50", "schedule.joint.iterations=550")),
    "full": (
        0.98,
        (
            "scale=laptop",
            "scale.width=1.0",
            "scale.size=128",
            "scale.batch=4",
            "trainer.log_every=5",
            "schedule.joint.iterations=45",
        ),
    ),
}
LOOPS = ({"_target_": "bare.BareLoop", "reads": False}, {"_target_": "bare.BareLoop", "reads": True})
# The last is held against the loop without a balance: what it takes to measure one is overhead.
LOSSES = {
    "mse": ("loss=[mse]",),
    "mse+adversarial": ("loss=[mse,adversarial]",),
    "the same, balanced": ("loss=[mse,adversarial]", "balance.adversarial=0.5"),
}


def main(words: list[str]) -> None:
    chosen = [word for word in words if word in CASES] or list(CASES)
    overrides = [word for word in words if word not in CASES]
    lines = [f"{'case':8}{'loss':20}{'henkan it/s':>13}{'of bare':>10}{'of bare, reading':>18}{'wanted':>8}"]
    for case in chosen:
        wanted, settings = CASES[case]
        for loss, terms in LOSSES.items():
            speed, memory, reading = measure([*COMMON, *settings, *terms, *overrides], *LOOPS)
            lines.append(f"{case:8}{loss:20}{speed:13.2f}{memory:10.3f}{reading:18.3f}{wanted:8.2f}")
    print("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
