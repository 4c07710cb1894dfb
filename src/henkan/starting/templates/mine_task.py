"""A task: a damaged picture is given, the sound one is to be found."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from henkan.sample import Composed, Sample
from henkan.tasks.task import Side, Task
from henkan.tasks.windows import windows_of


class MineTask(Task):
    """The generator is shown `image`, the degraded picture; its answer, clipped to [0, 1], is the output.

    A task has no weights. It says what generators are shown (`condition`), how their answer becomes a picture
    (`compose`: the `prediction` as it was decoded, the `output` that is scored), what discriminators may see of a
    picture (`judged`) and what people want side by side (`panels`). Everything else belongs to others: what is wrong
    with the source to the degradation, what is asked of the answer to the losses. `window` is the side of the patch
    that local discriminators look at, in pixels.
    """

    def __init__(self, window: int) -> None:
        self.window = window

    def condition(self, sample: Sample) -> dict[str, Tensor]:
        return {"image": sample["source"]}

    def compose(self, raw: Tensor, sample: Sample) -> Mapping[str, Tensor | Callable[[Sample], Tensor]]:
        # A loss on `prediction` has a gradient where the output is clipped, too.
        return {"prediction": raw, "output": raw.clamp(0.0, 1.0)}

    def judged(self, key: str, sample: Sample, side: Side) -> Mapping[str, Tensor]:
        window = windows_of(sample, side, self.window)
        return Composed({"image": sample[key], "condition": sample["source"], "window": window})

    def panels(self, sample: Sample) -> dict[str, Tensor]:
        return {key: sample[key] for key in ("source", "output", "target")}
