from __future__ import annotations

from pathlib import Path

from henkan.runs.run import run_folder, run_name, title

CONFIG = {"recipe": "glcic", "loss": {"mse": {}, "adversarial": {}}, "seed": 2}


def test_a_title_holds_what_was_set() -> None:
    words = ["experiment=glcic", "loss=[mse,adversarial]", "weights.adversarial=0.01", "seed=2", "+generator.width=0.5"]
    assert title(CONFIG, words) == "glcic-adversarial+mse-seed2 adversarial=0.01 width=0.5"


def test_keys_that_end_alike_are_told_in_full_and_paths_by_their_ends() -> None:
    words = ["optimizer.generator.lr=1e-4", "optimizer.discriminator.lr=2e-4", "init=/long/way/to/run", "~stream"]
    expected = "optimizer.generator.lr=1e-4 optimizer.discriminator.lr=2e-4 init=run"
    assert title(CONFIG, words) == f"glcic-adversarial+mse-seed2 {expected}"


def test_where_it_lies_and_how_it_is_shown_is_left_out() -> None:
    words = ["paths.runs=/x", "logger.mode=online", "trainer.threads=1", "checkpoint.every=5", "metric=[psnr]"]
    assert title(CONFIG, words) == run_name(CONFIG)
    assert run_name(CONFIG, "0123456789abcdef") == "glcic-adversarial+mse-seed2-0123456789"


def test_a_folder_tells_what_its_sweep_varies_and_is_found_without(tmp_path: Path) -> None:
    swept, identity = {**CONFIG, "swept": "adversarial_0.01"}, "0123456789abcdef"
    assert title(swept, ["weights.adversarial=0.01", "swept=adversarial_0.01"]) == title(CONFIG, ["adversarial=0.01"])
    assert run_folder(tmp_path, swept, identity).name == "glcic-adversarial+mse-seed2-adversarial_0.01-0123456789"
    # One that was made without a sweep, or before names told of it, is the same run's.
    run_folder(tmp_path, CONFIG, identity).mkdir()
    assert run_folder(tmp_path, swept, identity).name == "glcic-adversarial+mse-seed2-0123456789"
