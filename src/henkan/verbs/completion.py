"""Print what makes a shell complete verbs, groups, options and keys: henkan completion bash|zsh.

eval "$(henkan completion bash)"     now, or in ~/.bashrc
eval "$(henkan completion zsh)"      now, or in ~/.zshrc
"""

from __future__ import annotations

import os

from henkan.errors import UserError
from henkan.launching.execute import run
from henkan.launching.verbs import verbs

# The shell splits words at "=", Hydra's answers do not: what the shell has already is cut off them.
BASH = r"""_henkan() {
    local line="${COMP_LINE:0:$COMP_POINT}"
    local word="${line##*[[:space:]]}"
    local head="${word%"${COMP_WORDS[COMP_CWORD]#=}"}"
    [ "${COMP_WORDS[COMP_CWORD]}" = "=" ] && head="$word"
    local choices
    choices=$(COMP_LINE="$line" henkan completion query 2>/dev/null)
    local choice
    COMPREPLY=()
    for choice in $choices; do
        [[ "$choice" == "$word"* ]] && COMPREPLY+=("${choice#"$head"}")
    done
    [[ ${#COMPREPLY[@]} = 1 && "${COMPREPLY[0]}" != *[=./] && "$word" != *[[]* ]] && compopt +o nospace 2>/dev/null
    return 0
}
complete -o nospace -o default -F _henkan henkan
"""
SCRIPTS = {"bash": BASH, "zsh": "autoload -U +X bashcompinit && bashcompinit\n" + BASH}


def main(arguments: list[str]) -> int:
    """Print the script of a shell, or what completes the line in COMP_LINE, which the scripts ask for."""
    word = arguments[0] if arguments else None
    if word == "query":
        for choice in complete(os.environ["COMP_LINE"]):
            print(choice)
    elif word in SCRIPTS:
        print(SCRIPTS[word], end="")
    else:
        raise UserError('name a shell: eval "$(henkan completion bash)" or zsh')
    return 0


def complete(line: str) -> list[str]:
    """Return what the last word of a command line may become. Hydra answers for its roots, and prints by itself."""
    words = line.split()
    last = "" if line[-1:].isspace() else words.pop()
    if len(words) == 1:
        return [name for name in verbs() if name.startswith(last)]
    verb = verbs().get(words[1])
    if verb is None:
        return []
    if verb.composed:
        inside, _, typed = last.partition("[")
        if typed or last.endswith("["):
            return within_list(inside, typed)
        run(verb.name, ["-sc", "query=bash"])
        return []
    if verb.name in ("dashboard", "report", "search", "study", "sync", "vote", "wandb-sweep"):
        from henkan.config.trees import experiments_folders

        own = "search.yaml" if verb.name == "search" else "study.yaml"
        return sorted({path.parent.name for folder in experiments_folders() for path in folder.glob(f"*/{own}")})
    if verb.name == "new" and len(words) == 2:
        from henkan.starting.start import KINDS

        return [kind for kind in KINDS if kind.startswith(last)]
    return []


def within_list(head: str, typed: str) -> list[str]:
    """Return what `group=[option,opt` may become."""
    from henkan.config.trees import group_options

    done, comma, _ = typed.rpartition(",")
    return [f"{head}[{done}{comma}{option}" for option in group_options(head.rstrip("="))]
