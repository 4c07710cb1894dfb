"""List the trained networks that come with henkan, show the card of one, or make one with its card.

A card says data and licence, scores against a baseline with intervals, and what the network cannot do. `build` takes
what experiments/zoo/NAME.yaml says, trains the network unless run= names it, and writes NAME.safetensors and NAME.json
into henkan's own folder, NAME.md and NAME.jpg beside the yaml; with output=DIR all of them there.

  henkan zoo
  henkan zoo lines
  henkan zoo build lines run=outputs/runs/RUN
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from henkan import api
from henkan.config.composition import compose_root
from henkan.errors import UserError
from henkan.exporting.written import export
from henkan.files import write_file
from henkan.zoo import networks
from henkan.zoo_cards.card import card_of
from henkan.zoo_cards.markdown import markdown
from henkan.zoo_cards.sheet import Sheet

SHEETS = Path("experiments/zoo")
# What a network may take in the wheel, in bytes.
LARGEST = 4_000_000


def main(arguments: list[str]) -> int:
    match arguments:
        case []:
            show(Console())
        case ["build", name, *words]:
            build(name, words)
        case [name] if name != "build":
            print(markdown(networks.card(name)), end="")
        case _:
            raise UserError("it is henkan zoo, henkan zoo NAME, or henkan zoo build NAME [run=RUN] [output=DIR]")
    return 0


def show(console: Console) -> None:
    """Print every network: task, size, how it scores, whose its data are, what it cannot do."""
    for name in networks.names():
        card = networks.card(name)
        score = card["scores"][0]
        rows = {
            "size": f"{card['bytes'] / 1e6:.2f} MB",
            "score": f"{score['name']} {score['model']['mean']:.4g}, {card['baseline']} {score['baseline']:.4g}"
            + ("" if score["beats"] else " (not beaten)"),
            "licence": card["licence"],
            "cannot": " ".join(card["cannot"].split()),
        }
        console.print(f"[bold]{name}[/] {card['task']}: {card['title']}", soft_wrap=True, highlight=False)
        for key, value in rows.items():
            console.print(f"  [dim]{key:<8}[/]{escape(value)}", soft_wrap=True, highlight=False)
    console.print(
        "\nhenkan predict model=NAME input=…   henkan zoo NAME   henkan train init=model:NAME …",
        soft_wrap=True,
        markup=False,
    )


def build(name: str, words: list[str]) -> None:
    """Train (unless `run=` is given), export and score a network, and write its card."""
    given = dict(word.partition("=")[::2] for word in words)
    if unknown := given.keys() - {"run", "output"}:
        raise UserError(f"henkan zoo build takes run=RUN and output=DIR, and not {', '.join(sorted(unknown))}")
    path = SHEETS / f"{name}.yaml"
    if not path.is_file():
        raise UserError(f"there is no {path}, which says what {name} is trained and scored on")
    sheet, folder = Sheet.read(path), Path(given.get("output", networks.FOLDER))
    run = Path(given["run"]) if "run" in given else api.train(*sheet.train).folder
    # One that is too large, or cannot be scored, leaves nothing behind.
    with tempfile.TemporaryDirectory() as place:
        model = Path(place) / f"{name}.safetensors"
        export(compose_root("export", [f"run={run}", f"output={model}"]))
        if (size := model.stat().st_size) > LARGEST:
            raise UserError(f"{name} has {size / 1e6:.1f} MB of {LARGEST / 1e6:g}: train a smaller one (scale.width=…)")
        card, picture = card_of(name, sheet, model, run)
        weights = model.read_bytes()
    beside = SHEETS if "output" not in given else folder
    contents: dict[Path, str | bytes] = {
        folder / model.name: weights,
        folder / f"{name}.json": json.dumps(card, indent=1, ensure_ascii=False) + "\n",
        beside / f"{name}.jpg": picture,
        beside / f"{name}.md": markdown(card, f"{name}.jpg"),
    }
    for file, content in contents.items():
        print(write_file(file, content))
