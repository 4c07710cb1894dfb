"""The configuration reference: a page a group of `conf/`, one a root, the resolvers, `study.yaml`, `search.yaml`.

Everything is read from the files themselves: keys, values and the comments beside them. Nothing is composed.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import api_pages
import yaml

from henkan.config.engines import SETTINGS
from henkan.config.trees import config_folder, groups
from henkan.launching.verbs import verbs

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "src" / "henkan" / "config"

# What a group chooses, in a line; one that is missing here is listed without.
PURPOSE = {
    "augmentation": "How pictures are cut, turned and framed before they are degraded.",
    "data": "Where clean pictures, drawings and pairs come from.",
    "data/common": "What the data options share; no option of its own.",
    "debug": "Runs that look for a mistake.",
    "degradation": "What makes a source, and a mask or hints, of a clean target.",
    "discriminator": "The network that judges; it exists only where a term asks for it.",
    "experiment": "Recipes: one run each, as its paper describes it.",
    "generator": "The network that is trained, or a method that learns nothing.",
    "judged_augmentation": "How what a discriminator is shown is changed, real and fake alike.",
    "logger": "Where curves and pictures go.",
    "loss": "Named terms; `loss=[mse,adversarial]` chooses several.",
    "metric": "Scores; `metric=[psnr,ssim]` chooses several.",
    "optimizer": "Optimizers of generator and discriminator, their rates, and clipping.",
    "paths": "Folders of runs, caches and weights.",
    "postprocess": "What is done to an output after it is composed.",
    "scale": "A few numbers that recipes refer to: seconds, minutes, or what the paper did.",
    "schedule": "Phases: how many iterations, which networks are updated, by which terms.",
    "scheduler": "How learning rates change.",
    "screen": "Which training pictures are left out.",
    "stream": "Unpaired pictures beside the pairs.",
    "task": "What is transformed into what: what the generator is shown, and how its answer becomes a picture.",
    "trainer": "Device, precision, processes and threads.",
}


@dataclass(frozen=True)
class Key:
    """A key of a YAML file: its dotted path, its value as it is written, and the comment beside it."""

    path: str
    value: str
    comment: str


def pages() -> dict[str, str]:
    """Return the text of each page, by its path in the site."""
    found = {"reference/config/index.md": index(), "reference/resolvers.md": resolvers()}
    found["reference/commands.md"] = commands()
    for verb in verbs().values():
        if verb.composed:
            found[f"reference/roots/{verb.name}.md"] = root_page(verb.name, verb.purpose)
    for group in groups():
        found[f"reference/config/{group.replace('/', '_')}.md"] = group_page(group)
    found["reference/study_yaml.md"] = settings_page("study", "studies.py", "Study")
    found["reference/search_yaml.md"] = settings_page("search", "searches.py", "Search")
    return found


def index() -> str:
    """Return the page that lists the groups."""
    lines = [
        "# Configuration",
        "",
        "Every folder of `conf/` is a group, every file in it an option: `henkan train data=openmoji`. A folder",
        "`conf/` where you work adds options of your own ([how](../../tutorials/own_loss.md)). What a run does in the",
        "end is told by `henkan train … --cfg job --resolve`.",
        "",
        "Keys that belong to no group stand in the roots, one a verb:",
        ", ".join(f"[{verb.name}](../roots/{verb.name}.md)" for verb in verbs().values() if verb.composed) + ".",
        "Values may be computed: [resolvers](../resolvers.md).",
        "",
        "| group | what it chooses | options |",
        "|---|---|---|",
    ]
    for group in groups():
        names = ", ".join(f"[`{option}`]({page(group)}#{option})" for option in options(group))
        lines.append(f"| [`{group}`]({page(group)}) | {PURPOSE.get(group, '')} | {names} |")
    return "\n".join(lines) + "\n"


def page(group: str) -> str:
    return f"{group.replace('/', '_')}.md"


def options(group: str) -> list[str]:
    return sorted(file.stem for file in (config_folder() / group).glob("*.yaml"))


def group_page(group: str) -> str:
    """Return the page of a group: each option with its comment, what it is made of, and its keys."""
    lines = [f"# {group}", "", PURPOSE.get(group, ""), ""]
    for option in options(group):
        file = config_folder() / group / f"{option}.yaml"
        text = file.read_text(encoding="utf-8")
        lines += [f"## {option}", "", heading_comment(text), ""]
        if chosen := overridden(text):
            lines += [f"Chooses {chosen}.", ""]
        lines += table(keys(text))
    return "\n".join(lines) + "\n"


def root_page(verb: str, purpose: str) -> str:
    """Return the page of a verb's root: its groups and its own keys."""
    text = (config_folder() / f"{verb}.yaml").read_text(encoding="utf-8")
    lines = [f"# henkan {verb}", "", purpose, ""]
    entries = yaml.safe_load(text)["defaults"]
    bases = [entry for entry in entries if isinstance(entry, str) and entry != "_self_"]
    if bases:
        lines += [f"All groups and keys of {', '.join(f'[{base}]({base}.md)' for base in bases)}, and these:", ""]
    if not bases:
        lines += ["What is chosen where nothing else is said:", "", "| group | option |", "|---|---|"]
        for name, choice in (pair for entry in entries if isinstance(entry, dict) for pair in entry.items()):
            if not name.startswith("override hydra/"):
                shown = f"[{','.join(choice)}]" if isinstance(choice, list) else "null" if choice is None else choice
                lines.append(f"| [`{name}`](../config/{page(name.partition('@')[0])}) | `{shown}` |")
        lines += ["", "Keys:", ""]
    return "\n".join([*lines, *table(keys(text))]) + "\n"


def heading_comment(text: str) -> str:
    """Return the comment that a file begins with."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            lines.append(line.lstrip("# "))
    return markdown(" ".join(lines))


def overridden(text: str) -> str:
    """Return what a file's defaults list chooses of other groups."""
    found = []
    for entry in (yaml.safe_load(text) or {}).get("defaults") or []:
        if isinstance(entry, dict):
            for name, choice in entry.items():
                group = name.removeprefix("override ").lstrip("/")
                shown = f"[{','.join(choice)}]" if isinstance(choice, list) else "null" if choice is None else choice
                if "common" not in group:
                    found.append(f"`{group}={shown}`")
    return ", ".join(found)


def keys(text: str) -> list[Key]:
    """Return every key of a YAML file whose value is no block mapping, with the comment above or behind it."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    lines = text.splitlines()
    taken = len(text) - len(text.lstrip("#")) and first_comment_end(lines)
    return list(of_mapping(node, text, lines, "", taken)) if isinstance(node, yaml.MappingNode) else []


def first_comment_end(lines: list[str]) -> int:
    """Return how many lines the comment has that a file begins with."""
    return next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))


def of_mapping(node: yaml.MappingNode, text: str, lines: list[str], prefix: str, taken: int) -> Iterator[Key]:
    for name, value in node.value:
        path = f"{prefix}{name.value}"
        if path in ("defaults", "hydra"):
            continue
        comment = above(lines, name.start_mark.line, taken)
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            if comment:
                yield Key(path, "", comment)
            yield from of_mapping(value, text, lines, f"{path}.", taken)
            continue
        end = text.rfind("\n", 0, value.end_mark.index) if value.end_mark.column == 0 else value.end_mark.index
        written = text[value.start_mark.index : max(end, value.start_mark.index)]
        bare = [line for line in written.splitlines() if not line.lstrip().startswith("#")]
        written = re.sub(r"\s+", " ", "\n".join(bare)).strip()
        yield Key(path, written, comment)


def above(lines: list[str], number: int, taken: int) -> str:
    """Return the comment above a line, as far as it is not the file's own."""
    found: list[str] = []
    while number - 1 >= taken and lines[number - 1].lstrip().startswith("#"):
        number -= 1
        found.insert(0, lines[number].lstrip(" #"))
    return " ".join(found)


def table(found: list[Key]) -> list[str]:
    """Return keys as lines of a table; nothing where there are none."""
    if not found:
        return []
    lines = ["| key | value | |", "|---|---|---|"]
    lines += [f"| `{key.path}` | {linked(key)} | {markdown(key.comment)} |" for key in found]
    return [*lines, ""]


def linked(key: Key) -> str:
    """Return the value of a key; one that names a class of the API reference as a link to it."""
    known = key.path.endswith("_target_") and api_pages.has(key.value)
    return f"[{code(key.value)}][{key.value}]" if known else code(key.value)


def code(value: str) -> str:
    return f"`{value}`" if value else ""


def escaped(text: str) -> str:
    return text.replace("|", "\\|")


def markdown(comment: str) -> str:
    """Return a comment as Markdown: what could be taken for HTML or emphasis is not."""
    parts = comment.split("`")
    parts[::2] = [re.sub(r"([<>*_|\[\]])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts).replace("~", "\\~")


def resolvers() -> str:
    """Return the page of the resolvers: what their module says, and what each function does."""
    tree = ast.parse((CONFIG / "resolvers.py").read_text(encoding="utf-8"))
    lines = [
        "# Resolvers",
        "",
        "`${name:arguments}` in a config is a value that is computed when the config is read.",
        "",
    ]
    lines += ["| written | value |", "|---|---|"]
    for line in (ast.get_docstring(tree) or "").splitlines():
        if found := re.fullmatch(r"(`\$\{.*?\}`)\s+(.*)", line):
            lines.append(f"| {found[1]} | {found[2]} |")
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    lines += ["", "What each does, exactly:", "", "| resolver | arguments | |", "|---|---|---|"]
    for name in registered(tree):
        arguments = ", ".join(argument.arg for argument in functions[name].args.args)
        does = (ast.get_docstring(functions[name]) or "").replace("\n", " ")
        lines.append(f"| `{name}` | {code(arguments)} | {escaped(does)} |")
    return "\n".join(lines) + "\n"


def registered(tree: ast.Module) -> list[str]:
    """Return the names of the functions that the module registers."""
    loop = next(node for node in tree.body if isinstance(node, ast.For) and isinstance(node.iter, ast.Tuple))
    assert isinstance(loop.iter, ast.Tuple)
    return [name.id for name in loop.iter.elts if isinstance(name, ast.Name)]


def commands() -> str:
    """Return the page of the verbs, as `henkan <verb> --help` has them."""
    lines = ["# Commands", "", "What `henkan VERB --help` says; it also lists groups and keys.", ""]
    for verb in verbs().values():
        more = f"Groups and keys: [{verb.name}](roots/{verb.name}.md)." if verb.composed else ""
        lines += [f"## {verb.name}", "", "```text", verb.help, "```", "", more, ""]
    return "\n".join(lines) + "\n"


def settings_page(kind: str, file: str, name: str) -> str:
    """Return the page of `study.yaml` or `search.yaml`: the fields of the dataclass that it is read into."""
    source = (CONFIG / file).read_text(encoding="utf-8")
    lines = source.splitlines()
    tree = ast.parse(source)
    described = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    said = readers(tree)
    out = [f"# {kind}.yaml", "", inspect.cleandoc(ast.get_docstring(described) or ""), ""]
    out += [
        f"Any of these can be said on the command line too, after `henkan {kind} NAME`. Other keys are refused.",
        "",
    ]
    out += ["| setting | type | without it | |", "|---|---|---|---|"]
    for field in described.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and field.target.id in said:
            default = "must be given" if field.value is None else code(default_of(field.value))
            comment = markdown(above(lines, field.lineno - 1, 0))
            kind_of = {"Space": "dict", "Engine": "str | dict"}.get(written := ast.unparse(field.annotation), written)
            out.append(f"| `{field.target.id}` | {code(kind_of)} | {default} | {comment} |")
    for engine, settings in SETTINGS.items():
        if settings:
            out += ["", f"`engine={engine}` takes {', '.join(f'`engine.{name}`' for name in settings)}."]
    example = {"study": "sr_mse_vs_gan", "search": "perception_distortion"}[kind]
    text = (ROOT / "experiments" / example / f"{kind}.yaml").read_text(encoding="utf-8")
    out += ["", f"An example, `experiments/{example}/{kind}.yaml`:", "", "```yaml", text.rstrip(), "```"]
    return "\n".join(out) + "\n"


def readers(tree: ast.Module) -> set[str]:
    """Return the settings that a module's `Kind` reads."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Kind":
            for mapping in (argument for argument in node.args if isinstance(argument, ast.Dict)):
                found |= {str(key.value) for key in mapping.keys if isinstance(key, ast.Constant)}
    return found


def default_of(value: ast.expr) -> str:
    """Return a default as people write it."""
    text = ast.unparse(value)
    made = re.fullmatch(r"field\(default_factory=(.*)\)", text)
    known = {"list": "[]", "dict": "{}", "Engine": "local"}
    return known.get(made[1], made[1].removeprefix("lambda: ")) if made else text.replace("None", "null")
