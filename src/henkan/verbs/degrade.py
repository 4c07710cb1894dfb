"""Make training data in reverse: clean pictures and what a degradation makes of them, on disk.

Writes pairs, a manifest (a line a sample: picture, hash of it, every number that was drawn) and a contact sheet, and
prints the folder. The same command goes on after an interruption; data=degraded data.path=DIR trains from it.

  henkan degrade data=openmoji_lines degradation=pencil_heavy size=128 count=5000 output=pairs
  henkan degrade data=openmoji_lines degradation=ballpoint count=1_000_000 format=tar output=shards
  henkan degrade -m data=openmoji_lines degradation=ballpoint degradation.error=0.5,1,2 'output=x_${degradation.error}'
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

from omegaconf import DictConfig

from henkan.config.checks import check_config
from henkan.config.values import count, none_or_more
from henkan.data.counted import tell
from henkan.data.shards import FORMATS, Chunk, is_whole
from henkan.data.splits import SPLITS
from henkan.degrading.dataset import Settings, claim, collect, contact_sheet, sources, write
from henkan.errors import UserError
from henkan.files import sweep
from henkan.runs.settle import settle


def main(cfg: DictConfig) -> None:
    check_config(cfg)
    if cfg.format not in FORMATS:
        raise UserError(f"format={cfg.format} must be one of {', '.join(FORMATS)}")
    for key in ("count", "shard", "sheet"):
        count(key, cfg[key])
    if cfg.workers is not None:
        none_or_more("workers", cfg.workers)
    output, splits = Path(cfg.output), list(cfg.splits or ())
    if not splits or not set(splits) <= set(SPLITS):
        raise UserError(f"splits=[{','.join(map(str, splits))}] must name some of {', '.join(SPLITS)}")
    config, pictures = settle(cfg)
    tell(pictures)
    pictures.prepare()
    counts = {
        split: cfg.count if split == "train" else min(cfg.count, len(pictures.some_names(split))) for split in splits
    }
    config = cast(Settings, config)
    claim(output, config, pictures, counts)
    chunks = [
        Chunk(split, start, min(start + cfg.shard, count))
        for split, count in counts.items()
        for start in range(0, count, cfg.shard)
    ]
    sweep(output)
    rest = [chunk for chunk in chunks if not is_whole(output, chunk, cfg.format)]
    write(rest, sources(config, pictures), output, cfg.format, cfg.workers)
    collect(output, chunks)
    contact_sheet(output, splits[0], cfg.sheet)
    print(output)
