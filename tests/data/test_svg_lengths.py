"""How large the page of an SVG file is."""

from __future__ import annotations

from pathlib import Path

import pytest
from svg_on_disk import drawn, write


@pytest.mark.parametrize(
    ("size", "share"),
    [
        ("", 10 * 10 / 20**2),
        ('width="100%"', 10 * 10 / 20**2),
        ('viewBox="0 0 40 40"', 10 * 10 / 40**2),
        ('viewBox="0 0 40 20" width="20mm"', 10 * 10 / 40**2),
        ('viewBox="0 0 80 80" width="2in" height="1in"', 10 * 10 / 160**2),
        ('width="30pt" height="30pt"', 10 * 10 / 40**2),
    ],
)
def test_the_page_is_as_large_as_the_file_says_or_as_what_is_drawn(size: str, share: float, tmp_path: Path) -> None:
    path = write(tmp_path, '<rect x="10" y="10" width="10" height="10"/>', size)
    assert drawn(path).mean() == pytest.approx(share, rel=0.03)
