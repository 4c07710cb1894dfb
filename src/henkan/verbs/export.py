"""Write the generator of a trained run to one file that other programs, or henkan elsewhere, can use.

safetensors: the averaged weights in half precision, with the config of the run beside them, without code; read by
`henkan predict model=FILE`, `henkan evaluate model=FILE`, `henkan train init=FILE` and `henkan.load("FILE")`. Places of
this machine are not in it.

onnx (pip install 'henkan[export]'), torchscript, torch_export: a program of tensors, float32 in [0, 1], with the
conversions of the task inside (a picture and a mask in, the picture with its hole filled out), for pictures of any
size. It is asked at three sizes before it is called done, has to agree with the network within 1e-4,
and what cannot be exported is named. Cards, FILE.md and FILE.json, say what it takes: with the latter beside it henkan
predict model=FILE, henkan serve and henkan.load apply it. TorchScript and torch_export are code, and read only by whom
they were exported by, or with trust=true.

  henkan export run=outputs/runs/RUN output=mine.safetensors
  henkan export run=outputs/runs/RUN output=mine.safetensors half=false
  henkan export run=outputs/runs/RUN format=onnx output=mine.onnx
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
