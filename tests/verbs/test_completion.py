"""The shell completes verbs, groups, options and keys."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASH = """
PATH="{path}:$PATH"
eval "$(henkan completion bash)"
COMP_LINE='{line}'
COMP_POINT=${{#COMP_LINE}}
COMP_WORDS=({words})
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_henkan
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("henkan eva", ["evaluate"]),
        ("henkan train gener", ["generator.", "generator="]),
        ("henkan train generator=la", ["lama", "lama_big", "lanczos"]),
        ("henkan train generator=une", ["unet", "unet_haze", "unet_high_pass", "unet_prefilled"]),
        ("henkan train optimizer.generator.lr", ["optimizer.generator.lr="]),
        ("henkan train seed=1 validation.ev", ["validation.every="]),
        ("henkan train loss=[mse,rel", ["[mse,relativistic"]),
    ],
)
def test_the_shell_completes(line: str, expected: list[str], tmp_path: Path) -> None:
    # Bash splits words at "=" as well.
    words = " ".join(repr(word) for word in line.replace("=", " = ").split())
    script = BASH.format(path=Path(sys.executable).parent, line=line, words=words)
    if shutil.which("henkan", path=str(Path(sys.executable).parent)) is None:
        pytest.fail("the command henkan is not installed beside this Python")
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == expected, done.stderr
