"""Open a page on this machine, to try networks on pictures: side by side, with brush, points, strokes and pen.

Nothing leaves the machine, and nothing is kept: the page is at 127.0.0.1 alone, loads nothing from elsewhere, and
pictures stay in memory. Without anything named it offers the networks that come with henkan, and methods that learn
nothing. Runs and files below the current folder can be opened there as well. Ctrl+C ends it.

  henkan serve
  henkan serve run=outputs/runs/MSE other=outputs/runs/GAN
  henkan serve model=lines
  henkan serve 'models=[outputs/runs/A,mine.safetensors,mine.onnx]' port=0
  henkan serve task=completion generator=criminisi
  henkan serve most.pixels=80_000_000 trainer.accelerator=cpu
"""

from __future__ import annotations

from threading import Thread

from omegaconf import DictConfig, OmegaConf

from henkan.config.composition import task_overrides
from henkan.errors import UserError
from henkan.serve.answers import Answers
from henkan.serve.choices import Shelf, choices, shared_by_all
from henkan.serve.server import Server


def main(cfg: DictConfig) -> None:
    for key in ("kept", "places", "most.pixels", "most.bytes"):
        if not (isinstance(least := OmegaConf.select(cfg, key), int) and least >= 1):
            raise UserError(f"{key}={least} must be 1 or more")
    shelf = Shelf(cfg.kept)
    overrides = task_overrides()
    answers = Answers(cfg, choices(cfg, overrides, shelf), shelf, shared_by_all(overrides))
    with Server(answers, cfg.port) as server:
        print(f"henkan is at {server.url} (Ctrl+C ends it)", flush=True)
        Thread(target=answers.warm, daemon=True).start()
        server.serve_forever()
