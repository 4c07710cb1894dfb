"""`henkan check`: one configuration, or everything there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from henkan.errors import UserError
from henkan.verbs import check


def test_the_verb_checks_one_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["scale=smoke"]) == 0
    assert check.main(["scale=smoke", "+generator.widht=1"]) == 2
    assert "did you mean 'width'?" in capsys.readouterr().err


def test_a_configuration_that_waits_for_the_user_is_fine() -> None:
    assert check.judge(["data=image_folder"]) == ("needs data.path", True)


def test_every_recipe_and_study_is_checked() -> None:
    names = [name for name, _ in check.configurations()]
    assert "glcic at smoke" in names
    assert any(name.startswith("study mse_vs_gan: ") for name in names)
    assert "search perception_distortion: point 0" in names


def test_a_users_option_is_checked_and_must_not_be_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    option = tmp_path / "conf" / "loss" / "mine.yaml"
    option.parent.mkdir(parents=True)
    option.write_text("mine: {_target_: nowhere_to_be_found.Mine}\n")
    (overrides,) = [words for name, words in check.configurations() if name == "loss=mine"]
    assert overrides == ["loss=[mine]"]
    assert check.judge(overrides)[1] is False
    option.rename(option.with_name("mse.yaml"))
    with pytest.raises(UserError, match="hidden by henkan's own loss=mse"):
        list(check.configurations())
