"""Draw gradients.png of gradients.csv: how hard each term pulls at the generator's answers, by the weight.

`uv run python docs/tutorials/alpha/draw.py`
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd

HERE = Path(__file__).parent
COLORS = {0.0001: "#0072b2", 0.001: "#d55e00"}


def main() -> None:
    rows = pd.read_csv(HERE / "gradients.csv")
    figure, (pulls, told) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    pulls.plot(*points(rows, 0, "gradient/mse"), color="#555", label="MSE")
    told.plot(*points(rows, 0, "accuracy_fake"), color="#999", label="weight 0", marker="o", markersize=3)
    for weight, color in COLORS.items():
        x, y = points(rows, weight, "gradient/adversarial")
        pulls.plot(x, weight * y, color=color, label=f"adversary, weight {weight}", marker="o", markersize=3)
        told.plot(
            *points(rows, weight, "accuracy_fake"), color=color, label=f"weight {weight}", marker="o", markersize=3
        )
    pulls.set(yscale="log", xlabel="iteration", title="weighted pull at the answers")
    told.set(ylim=(0.5, 1), xlabel="iteration", title="discriminator's accuracy on fake")
    for axes in (pulls, told):
        axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "gradients.png", dpi=110)


def points(rows: pd.DataFrame, weight: float, column: str) -> tuple[pd.Series, pd.Series]:
    """Return iterations and values of one weight."""
    chosen = rows[rows["weight"] == weight]
    return chosen["iteration"], chosen[column]


if __name__ == "__main__":
    main()
