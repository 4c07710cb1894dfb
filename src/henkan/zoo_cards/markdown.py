"""A card of the zoo as Markdown."""

from __future__ import annotations

from henkan.zoo.cards import Card, Spread


def markdown(card: Card, picture: str | None = None) -> str:
    """Return a card as Markdown, with the picture of that name if there is one."""
    command = " ".join(f"'{word}'" if set(word) & set("[]{}$ ") else word for word in card["train"])
    decisive = card["scores"][0]
    verdict = "beats" if decisive["beats"] else "does **not** beat"
    lines = [
        f"# {card['name']}: {card['title']}",
        "",
        f"A network for {card['task'].replace('_', ' ')} with {card['parameters']:,} weights, "
        f"{card['bytes'] / 1e6:.2f} MB. It {verdict} {card['baseline']} in {decisive['name']}, on "
        f"{len(card['pictures'])} pictures that it was not trained on.",
        "",
        *([f"![Test pictures: source, {card['baseline']}, {card['name']}, target]({picture})", ""] if picture else []),
        f"| score | {card['name']} (95 %) | {card['baseline']} | difference (95 %) |",
        "| --- | --- | --- | --- |",
        *(
            f"| {row['name']} ({row['better']} is better) | {ranged(row['model'])} | {row['baseline']:.4g} | "
            f"{ranged(row['difference'], '+')} |"
            for row in card["scores"]
        ),
        "",
        "Intervals are of the bootstrap over these pictures; another seed would give other ones.",
        "",
        f"**What it cannot do.** {card['cannot'].strip()}",
        "",
        f"**Data.** {card['data'].strip()} Licence of the network: {card['licence']}.",
        "",
        f"**Trained** in {card['iterations']:,} iterations, {card['seconds'] / 60:.0f} minutes, by",
        "",
        f"    henkan train {command}",
        "",
        "**Scored** by",
        "",
        f"    henkan evaluate model={card['name']} " + " ".join(f"'{word}'" for word in card["test"]),
        "",
    ]
    return "\n".join(lines)


def ranged(found: Spread, sign: str = "") -> str:
    if found["low"] is None or found["high"] is None:
        return f"{found['mean']:{sign}.4g}"
    return f"{found['mean']:{sign}.4g} [{found['low']:{sign}.4g}, {found['high']:{sign}.4g}]"
