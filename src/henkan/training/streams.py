"""The streams of a config: the paired one at its root, and those beside it."""

from __future__ import annotations

from collections.abc import Sequence

from henkan.config.resolved import Config, Stream
from henkan.degradations.degradation import never_clean
from henkan.errors import UserError
from henkan.sample import PAIRED
from henkan.terms.term import Term
from henkan.training.schedule import Phase, active


def stream_nodes(config: Config) -> dict[str, Stream]:
    """Return what each stream is made of: data, augmentation, degradation, and its share of a batch."""
    paired = Stream(
        data=config["data"], augmentation=config["augmentation"], degradation=config["degradation"], share=1.0
    )
    found = {PAIRED: paired}
    for name, node in config.get("streams", {}).items():
        found[name] = {**node, "degradation": never_clean(node["degradation"])}
    return found


def streams_read(terms: Sequence[Term], phases: Sequence[Phase]) -> list[str]:
    """Return the streams that the terms of some phases read, the paired one first: every run has it."""
    found = {PAIRED: None}
    for phase in phases:
        for term in active(terms, phase):
            for network in phase.update:
                needs = term.needs(network)
                found.update(dict.fromkeys(name for name in (term.stream, *needs) if name in needs))
    return list(found)


def check_streams(terms: Sequence[Term], config: Config) -> None:
    """Raise `UserError` for a term on a stream that the config does not have, and for shares that make no batch."""
    nodes = stream_nodes(config)
    for term in terms:
        for name in dict.fromkeys((term.stream, term.against, *term.needs("generator"), *term.needs("discriminator"))):
            if name not in nodes:
                raise UserError(
                    f"loss.{term.name} is on the stream {name!r}, and there is {', '.join(nodes)}: choose it with "
                    f"stream=[{name}], or drop the term"
                )
        shares = {nodes[name]["share"] for name in (term.stream, term.against)}
        if term.loss.judges and len(shares) > 1:
            # Real and fake are scored side by side.
            raise UserError(f"loss.{term.name} compares {term.stream} with {term.against}: give both the same share")


def batch_sizes(config: Config, names: Sequence[str]) -> dict[str, int]:
    """Return how many samples of each stream a batch has: its share of `batch_size`."""
    sizes = {}
    for name in names:
        size = stream_nodes(config)[name]["share"] * config["batch_size"]
        if size < 1 or size != int(size):
            raise UserError(
                f"streams.{name}.share={stream_nodes(config)[name]['share']} of batch_size={config['batch_size']} is "
                f"{size:g} samples: change either so that it is a whole number"
            )
        sizes[name] = int(size)
    return sizes
