"""The card beside an exported file: what it takes and makes, how it was checked, where it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from henkan.exporting.program import LEAST, Checked, Program
from henkan.exporting.source import Source
from henkan.files import digest_of, replaced, write_json
from henkan.runs.mark import mark
from henkan.training.program_file import card_beside

MEANING = {
    "source": "what the network is shown, in [0, 1]; 1 is white",
    "mask": "1 where something is missing",
    "strokes": "strokes of color in [0, 1], white elsewhere",
    "hints": "a and b of CIELAB over 110 that a person says, 0 elsewhere",
    "hint_mask": "1 where there is a hint",
    "output": "the picture, whole, in [0, 1]",
    "labels": "the likeliest class of each pixel, int64",
}


def write_card(file: Path, source: Source, program: Program, checked: Checked) -> None:
    """Write FILE.md beside an exported file, for people, and FILE.json, for henkan."""
    path = file.with_name(f"{file.name}.md")
    with replaced(path) as partial:
        partial.write_text(card(file.name, source, program, checked), encoding="utf-8")
    digest = digest_of(file)
    write_json(card_beside(file), {**facts(source, program), "sha256": digest, "signed": mark(digest, {})})


def facts(source: Source, program: Program) -> dict[str, Any]:
    """Return what henkan has to know of a program, to apply it as it applies the network itself."""
    return {
        **source.facts,
        "config": OmegaConf.to_yaml(source.portable),
        "takes": program.takes,
        "makes": program.makes,
        "classes": program.classes,
        "least": LEAST,
        "multiple": program.multiple,
        "padding": program.padding,
        "context": getattr(program.network, "context", None),
    }


def card(name: str, source: Source, program: Program, checked: Checked) -> str:
    """Return what there is to say of a file, as Markdown."""
    rows = [f"| `{key}` | (B, {channels}, H, W) | {MEANING[key]} |" for key, channels in program.takes.items()]
    scale = program.transform.task.scale
    sides = "H, W" if scale == 1 else f"{scale}·H, {scale}·W"
    channels = 1 if program.makes == "labels" else "C"
    rows.append(f"| → `{program.makes}` | (B, {channels}, {sides}) | {MEANING[program.makes]} |")
    count = sum(weight.numel() for weight in program.network.parameters())
    facts = {key: source.facts[key] for key in ("recipe", "identity", "iterations", "henkan") if source.facts.get(key)}
    said = [f"- {key}: {value}" for key, value in facts.items()]
    sizes = ", ".join(f"{height}x{width}" for height, width in checked.sizes)
    multiple = f"{LEAST} or more"
    if program.multiple > 1:
        multiple += f", multiples of {program.multiple}: pad ({program.padding}), and cut"
    return "\n".join(
        [
            f"# {name}",
            "",
            f"{type(program.network).__name__}, {count:,} parameters, with the conversions of the task around it.",
            "",
            "| tensor, float32 | shape | meaning |",
            "|---|---|---|",
            *rows,
            "",
            f"H and W: {multiple}; B: 1.",
            f"Checked against the network at {sizes}: they differ by at most {checked.difference:.1e}.",
            "",
            *said,
            "",
        ]
    )
