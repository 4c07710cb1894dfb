"""The formats that a generator can be exported to: a module of `henkan.exporting.formats` each, found by its name.

It has `ENDING`, of its files, and `export(source, output, cfg)`, which writes one, or raises `UserError` naming what
cannot be exported. `cfg` is that of `henkan export`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from omegaconf import DictConfig

from henkan.config.explain import suggestion
from henkan.errors import UserError
from henkan.exporting.source import source_of


def formats() -> list[str]:
    """Return the names of all formats."""
    return sorted(path.stem for path in (Path(__file__).parent / "formats").glob("[!_]*.py"))


def export(cfg: DictConfig) -> Path:
    """Write the generator of `cfg.run` to a file; return its path. Raises `UserError`."""
    if cfg.format not in formats():
        raise UserError(f"format={cfg.format}{suggestion(str(cfg.format), formats())}: there is {', '.join(formats())}")
    module = import_module(f"henkan.exporting.formats.{cfg.format}")
    source = source_of(cfg)
    output = Path(f"{source.own.get('recipe') or 'model'}{module.ENDING}" if cfg.output is None else str(cfg.output))
    output = output.expanduser()
    if output.suffix != module.ENDING:
        raise UserError(f"output={output}: a file of format={cfg.format} ends in {module.ENDING}")
    module.export(source, output, cfg)
    return output
