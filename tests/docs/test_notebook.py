"""docs/henkan.ipynb runs from its first cell to its last, at the scale that it says."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from written import ROOT

import henkan

NOTEBOOK = json.loads((ROOT / "docs" / "henkan.ipynb").read_text(encoding="utf-8"))
CELLS = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def executed(code: str, names: dict[str, Any]) -> Any:
    """Execute a cell as a notebook does; return the value of its last line, if that is an expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if isinstance(last, ast.Expr) else None


@pytest.mark.slow
def test_every_cell_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HENKAN_CACHE", str(tmp_path / "cache"))
    names: dict[str, Any] = {}
    shown = [executed(code, names) for code in CELLS]
    assert names["mse"].scores["psnr_hole"] > 0 and names["gan"].record["status"] == "done"
    assert (names["pictures"][2] != names["pictures"][0]).any()
    assert {"psnr", "l1_hole"} <= set(shown[-1])


def test_every_cell_is_python_and_nothing_of_one_machine_stands_in_it() -> None:
    for cell in NOTEBOOK["cells"]:
        assert cell.get("outputs", []) == [] and cell.get("execution_count") is None
        if cell["cell_type"] == "code":
            ast.parse("".join(cell["source"]))
    asked = [word for code in CELLS for word in re.findall(r"henkan\.(\w+)", code) if not word.startswith("__")]
    assert {"load", "compose", "train", "evaluate"} == set(asked) <= set(dir(henkan))
