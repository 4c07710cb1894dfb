"""Write the generator of a trained run to one file that other programs, or henkan elsewhere, can use.

safetensors: the averaged weights in half precision, with the config of the run beside them, without code; read by
`henkan predict model=FILE`, `henkan evaluate model=FILE`, `henkan train init=FILE` and `henkan.load("FILE")`. Places of
this machine are not in it.

  henkan export run=outputs/runs/RUN output=mine.safetensors
  henkan export run=outputs/runs/RUN output=mine.safetensors half=false
  henkan export run=outputs/runs/RUN iteration=200_000 output=earlier.safetensors
"""

from __future__ import annotations

from omegaconf import DictConfig

from henkan.errors import UserError
from henkan.exporting.written import export
from henkan.runs.trained import named


def main(cfg: DictConfig) -> None:
    cfg = named(cfg)
    if cfg.run is None:
        raise UserError("nothing to export: name a trained run with run=FOLDER")
    print(export(cfg))
