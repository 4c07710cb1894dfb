from __future__ import annotations

from henkan.config.told import LONGEST, for_a_name, told


def test_what_a_name_says_already_is_left_out() -> None:
    words = ["experiment=glcic", "seed=1", "loss=[mse]", "swept=x", "trainer.threads=1", "+generator.width=0.5"]
    assert told(words) == {"width": "0.5"}
    assert for_a_name(words) == "width_0.5"
    assert for_a_name(words[:-1]) == ""


def test_a_name_has_no_character_that_a_shell_or_hydra_reads() -> None:
    words = [
        "data.path=/my pictures/日本 (1)",
        "optimizer.generator.lr=1e-4",
        "optimizer.betas=[0.5, 0.9]",
        "init=a/../b",
    ]
    assert for_a_name(words) == "path_1-lr_1e-4-betas_0.5_0.9-init_b"


def test_a_name_is_not_too_long() -> None:
    words = [f"some.key{number}={number:030d}" for number in range(5)]
    assert for_a_name(words) == "-".join(f"key{number}_{number:030d}" for number in range(2))
    assert len(for_a_name([f"key={'x' * 300}"])) == LONGEST
