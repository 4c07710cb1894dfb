"""What study.yaml says, and the command line puts into it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from tiny_study import in_study

from henkan.config.composition import compose_root
from henkan.config.studies import read_study
from henkan.errors import UserError
from henkan.launching.execute import execute

STUDY = """
title: Tiny
recipe: glcic
scale: smoke
variants:
  mse: ["loss=[mse]"]
  weak: ["loss=[mse,adversarial]", weights.adversarial=0.01]
  strong 0.1: ["loss=[mse,adversarial]", weights.adversarial=0.1]
baseline: mse
seeds: [0, 1]
headline: [psnr_hole]
plane: {x: psnr_hole, y: psnr}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny_study"
    folder.mkdir()
    (folder / "study.yaml").write_text(STUDY)
    return folder


def test_what_is_said_and_what_is_not(study: Path) -> None:
    read = read_study(str(study), ["scale.width=0.125", "jobs=3", "data@evaluation.data=openmoji"])
    assert (read.name, read.title, read.question, read.recipe, read.scale) == (
        "tiny_study",
        "Tiny",
        None,
        "glcic",
        "smoke",
    )
    assert (read.seeds, read.jobs, read.baseline) == ([0, 1], 3, "mse")
    assert (read.headline, read.plane) == (["psnr_hole"], {"x": "psnr_hole", "y": "psnr"})
    assert (read.overrides, read.axes, read.prepare, read.family) == ([], {}, [], [])
    assert read_study(str(study), ["family=[psnr]"]).family == ["psnr"]
    assert read.given == ["scale.width=0.125", "data@evaluation.data=openmoji"]
    name, seed, words = list(read.runs())[4]
    assert (name, seed) == ("weak", 1)
    assert words == [
        "experiment=glcic",
        "scale=smoke",
        "loss=[mse,adversarial]",
        "weights.adversarial=0.01",
        "seed=1",
        "study=tiny_study",
        "variant=weak",
        "scale.width=0.125",
        "data@evaluation.data=openmoji",
    ]


def test_runs_tell_their_variant_and_point(study: Path) -> None:
    axes = {"weights.adversarial": [4e-4, "1e-3"], "on paper": {"it's so": ["size=32"], "null": ["size=48"]}}
    in_study(study, axes=axes, seeds=[0], variants={"MSE, alone": ["loss=[mse]"]}, baseline="MSE, alone")
    told = []
    for _, _, words in read_study(str(study), []).runs():
        given = {word.partition("=")[0]: word for word in words}
        parse = OverridesParser.create().parse_override
        told.append((parse(given["variant"]).value(), parse(given["point"]).value()))
    points = [
        {"weights_adversarial": weight, "on_paper": word} for weight in (4e-4, 1e-3) for word in ("it's so", "null")
    ]
    assert told == [("MSE, alone", point) for point in points]
    with pytest.raises(UserError, match="a study gives each of its runs its variant"):
        read_study(str(study), ["variant=x"])


def mark(study: Path, *words: str) -> str:
    return read_study(str(study), words).mark


def test_a_study_as_its_file_says_has_the_plain_mark(study: Path) -> None:
    words = ["paths.studies=/x", "jobs=3", "engine=ray", "logger=csv", "+logger.project=x", "rerun=true", "title=x"]
    words += ["question=x", "trainer.bar=false", "trainer.precision=32-true", "checkpoint.every=5", "optimizer=adam"]
    in_study(study, overrides=["optimizer=adam", "size=48", "scheduler.warmup=100"])
    assert read_study(str(study), words).folder == Path("/x/tiny_study-smoke")
    # The same said again, in whatever order and spelling.
    same = [
        "seeds=[1,0]",
        "scheduler.warmup=1e2",
        "family=[psnr_hole]",
        "plane={y: psnr, x: psnr_hole}",
        "recipe=glcic",
    ]
    same += ["variants.weak=['loss=[mse, adversarial]',weights.adversarial=1e-2]"]
    assert [mark(study, *own) for own in (same, *([word] for word in same))] == [""] * 7
    # A scale stands in the name, and marks nothing.
    assert read_study(str(study), ["scale=laptop", *same]).folder.name == "tiny_study-laptop"


def test_other_settings_are_another_report(study: Path) -> None:
    others = [
        "seeds=[0]",
        "variants.weak=null",
        "variants.weak=[size=48]",
        "baseline=weak",
        "headline=[psnr]",
        "family=[psnr]",
        "plane.y=psnr_hole",
        "bound=3.01",
        "axes.size=[32,48]",
        "recipe=lama",
        "overrides=[size=48]",
        "size=64",
        "metric=[psnr]",
        "data=openmoji",
        "prepare=[[degrade,count=5]]",
    ]
    found = [mark(study, word) for word in others]
    assert len(set(found)) == len(others)
    assert all(re.fullmatch("[0-9a-f]{6}", one) for one in found)
    # Which it is is the same another day, and in another order.
    assert mark(study, "seeds=[0]", "size=64", "jobs=2") == mark(study, "size=64.0", "jobs=3", "seeds=[0]")
    assert read_study(str(study), ["seeds=[0]"]).folder.name == "tiny_study-smoke-04185d"
    # Whichever list of overrides says it, what a run is told is what counts.
    assert mark(study, "size=64") == mark(study, "overrides=[size=64]")
    assert mark(study, "weights.adversarial=0.01") != mark(study, "overrides=[weights.adversarial=0.01]")


def test_a_file_that_is_no_study_by_itself_has_only_marked_folders(study: Path) -> None:
    (study / "study.yaml").write_text(STUDY.replace("seeds: [0, 1]", ""))
    assert len({"", *(mark(study, f"seeds={seeds}") for seeds in ("[0,1]", "[0]"))}) == 3


def test_studies_of_one_name_are_found(study: Path) -> None:
    places = ["-smoke", "-smoke-0a1b2c", "-smoke-published", "-smoke-tested", "-laptop", "_2-smoke", "-smoke-dddddd"]
    for place in places:
        (study.parent / f"tiny_study{place}").mkdir()
    for place in places[:-1]:
        (study.parent / f"tiny_study{place}" / "study.json").touch()
    found = read_study(str(study), [f"paths.studies={study.parent}", "seeds=[0]"]).begun
    assert [path.name for path in found] == ["tiny_study-smoke", "tiny_study-smoke-0a1b2c"]


def test_the_folder_that_one_is_in_has_a_name(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study)
    assert read_study(".", []).name == "tiny_study"


def test_interpolations_are_left_to_the_runs(study: Path) -> None:
    words = ["schedule.joint.iterations=${iterations:90_000}", "data.path=${oc.env:NOWHERE,x}"]
    in_study(study, overrides=words)
    assert read_study(str(study), []).overrides == words


def test_a_value_of_an_axis_may_name_its_own_recipe(study: Path) -> None:
    axes = {"task": {"holes": ["size=32"], "color": ["experiment=let_there_be_color", "size=48"]}}
    in_study(study, axes=axes, seeds=[0])
    words = {name: words for name, _, words in read_study(str(study), []).runs()}
    assert words["mse holes"][:2] == ["experiment=glcic", "scale=smoke"]
    assert words["mse color"][:2] == ["experiment=let_there_be_color", "scale=smoke"]
    assert "size=48" in words["mse color"]
    assert [sum(word.startswith("experiment=") for word in found) for found in words.values()] == [1] * len(words)


def test_axes_are_keys_with_values_or_names_with_overrides(study: Path) -> None:
    pictures = {"drawn": ["data=openmoji", "degradation=rectangle_content"], "shot": ["data=photographs"]}
    in_study(study, axes={"pictures": pictures, "generator.width": [0.25, 0.5]})
    made = read_study(str(study), []).configurations
    assert list(made)[:2] == ["mse drawn width=0.25", "mse drawn width=0.5"]
    assert len(made) == 3 * 2 * 2
    one = made["weak shot width=0.5"]
    assert (one.variant, one.point) == ("weak", {"pictures": "shot", "generator.width": "width=0.5"})
    assert one.overrides[-2:] == ["data=photographs", "generator.width=0.5"]
    words = ["axes.pictures.drawn=null", "axes.pictures.mine=[data=bsds500,data.path=/x]"]
    other = read_study(str(study), words)
    assert other.given == []
    assert other.axes["pictures"] == {"shot": ["data=photographs"], "mine": ["data=bsds500", "data.path=/x"]}


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ({"pictures": "photographs"}, "axes.pictures must be a list of values, or a mapping"),
        ({"pictures": {"shot": "data=photographs"}}, "axes.pictures.shot must be a list of overrides"),
        ({"pictures": {"shot": None}}, "axes.pictures has no value left"),
        ({"size": [32, 32]}, r"axes.size=\[32, 32\] must have each value once"),
        ({"pictures": {True: []}}, "axes.pictures: YAML reads a name as true: put on, off, .* in quotes"),
        ({"pictures": {"shot": ["seed=4"]}}, r"study tiny_study: seed=4: say seeds=\[0,1\]"),
        ({"pictures": {"shot": ["++scale=smoke"]}}, "say scale in study.yaml"),
        ({"p": {"x y": ["size=32"], "y": ["size=48"]}, "q": {"z": []}}, None),
    ],
)
def test_axes_that_are_refused(study: Path, axes: object, said: str | None) -> None:
    in_study(study, axes=axes)
    if said is None:
        # Of these names no two configurations are alike.
        assert len(read_study(str(study), []).grid) == 6
        in_study(study, variants={"mse": [], "mse x": []}, axes=axes)
        said = "two configurations are called 'mse x y z'"
    with pytest.raises(UserError, match=said):
        read_study(str(study), []).grid  # noqa: B018


@pytest.mark.parametrize(
    ("axes", "words", "said"),
    [
        ({"weights.adversrial": [0.1]}, [], "adversrial"),
        ({"generator.widht": [0.1]}, [], "(did you mean 'generator.width'?)"),
        (
            {"a": {"x": ["size=32"]}, "size": [48]},
            [],
            "study tiny_study: axes.a and axes.size both say size, and a run has one",
        ),
        ({"weights.adversarial": [1]}, [], "variants.weak and axes.weights.adversarial both say weights.adversarial"),
        ({"size": [32, 48]}, ["size=64"], "size=64: axes.size says it of each run; axes.size=null leaves that out"),
    ],
)
def test_axes_that_are_misspelt_or_contradict_are_one_line(
    study: Path, axes: object, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    in_study(study, axes=axes)
    assert execute("study", [str(study), *words, "--dry-run"]).code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_axes_of_the_command_line(study: Path) -> None:
    in_study(study, variants={"mse": ["loss=[mse]"], "gan": ["loss=[mse,adversarial]"]})
    words = ["axes.weights.adversarial=[0.1,0.2]", "axes.x=[null,true]", "axes.y=[1]", "axes.y=null"]
    axes = read_study(str(study), words).axes
    assert axes == {
        "weights.adversarial": {
            "adversarial=0.1": ["weights.adversarial=0.1"],
            "adversarial=0.2": ["weights.adversarial=0.2"],
        },
        "x": {"x=null": ["x=null"], "x=true": ["x=true"]},
    }
    # An axis may be the study's first, and have been left empty in the file.
    in_study(study, axes=None)
    assert read_study(str(study), ["axes.y=[1]"]).axes == {"y": {"y=1": ["y=1"]}}
    # Said again of an axis that is there, a dotted name is still its name.
    in_study(study, axes={"weights.adversarial": [0.1]})
    again = read_study(str(study), ["axes.weights.adversarial=[0.3]"]).axes
    assert again == {"weights.adversarial": {"adversarial=0.3": ["weights.adversarial=0.3"]}}


def test_axes_of_any_script_are_in_the_point(study: Path) -> None:
    in_study(study, axes={"画像": {"写真": ["size=32"]}, "大きさ": {"大": ["batch_size=2"]}})
    (_, _, words), *_ = read_study(str(study), []).runs()
    assert list(compose_root("train", words).point.values()) == ["写真", "大"]


@pytest.mark.parametrize("name", ["2026_11", "1e5", "true", "two words"])
def test_a_name_that_reads_as_a_number_is_one(name: str, study: Path) -> None:
    moved = study.rename(study.with_name(name))
    (_, _, words), *_ = read_study(str(moved), []).runs()
    assert compose_root("train", words).study == name


def test_what_is_excluded_of_a_grid(study: Path) -> None:
    in_study(study, axes={"size": [32, 48]}, exclude=["weak size=48", "strong 0.1 size=32"])
    read = read_study(str(study), [])
    names = ["mse size=32", "mse size=48", "weak size=32", "strong 0.1 size=48"]
    assert list(read.configurations) == names and len(list(read.runs())) == 8
    assert list(read.facts["configurations"]) == names
    # What the command line leaves out may still be named, and what it says besides makes no other study of it.
    assert list(read_study(str(study), ["variants.weak=null"]).configurations) == [names[0], names[1], names[3]]
    assert not read_study(str(study), ["jobs=3"]).mark and read_study(str(study), ["exclude=[]"]).mark
    assert len(read_study(str(study), ["exclude=[]"]).configurations) == 6


@pytest.mark.parametrize(
    ("exclude", "said"),
    [
        (["weak size=23"], "exclude names 'weak size=23', which is no configuration (did you mean 'weak size=32'?)"),
        (["mse size=32"], "exclude names 'mse size=32', of the baseline, which others need"),
        ([1], "exclude must be a list of configurations, by their names in the report: ['gan photographs']"),
    ],
)
def test_what_cannot_be_excluded_is_one_line(
    study: Path, exclude: list[object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    in_study(study, axes={"size": [32, 48]}, exclude=exclude)
    assert execute("study", [str(study), "--dry-run"]).code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_variants_baseline_and_headline_of_the_command_line(study: Path) -> None:
    words = ["variants.strong 0.1=null", "variants.mse=null", "variants.l1=['loss=[l1]']", "baseline=l1"]
    read = read_study(str(study), [*words, "headline=[psnr,ssim]", "plane.y=ssim", "seeds=[7]", "recipe=lama"])
    assert read.variants == {"weak": ["loss=[mse,adversarial]", "weights.adversarial=0.01"], "l1": ["loss=[l1]"]}
    assert (read.baseline, read.headline, read.plane) == ("l1", ["psnr", "ssim"], {"x": "psnr_hole", "y": "ssim"})
    assert (read.seeds, read.recipe) == ([7], "lama")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("seeds=[]", "seeds=[] must be a list of one or more whole numbers"),
        ("seeds=[0,0]", "seeds=[0, 0] must be a list of one or more whole numbers, each once"),
        ("seeds=3", "seeds=3 must be a list"),
        ("seeds=[true]", "seeds=[True] must be a list of one or more whole numbers"),
        ("seeds=[0", "cannot read 'seeds=[0': expected ',' or ']', but got '<stream end>' in line 1, column 3"),
        ("seed=3", "seed=3: a study gives each of its runs its seed: say seeds=[0,1]"),
        ("++seed=3", "++seed=3: a study gives each of its runs its seed: say seeds=[0,1]"),
        ("experiment=lama", "say recipe=glcic"),
        ("jobs=-1", "jobs=-1 must be a whole number, 1 or more"),
        ("jobs=auto", "jobs=auto must be a whole number"),
        ("jobs=1.5", "jobs=1.5 must be a whole number"),
        ("healdine=[psnr]", "there is no key 'healdine' (did you mean 'headline'?)"),
        ("headline=psnr", "headline must be a list of metrics"),
        ("plane={x: psnr}", "must name a metric for each direction"),
        ("bound=0", "bound=0 must be a number above 0"),
        ("baseline=mes", "the baseline 'mes' is none of ['mse', 'weak', 'strong 0.1'] (did you mean 'mse'?)"),
        ("variants.mse=null", "the baseline 'mse' is none of ['weak', 'strong 0.1']"),
        ("variants.wek=null", "variants.wek=null leaves out nothing (did you mean 'weak'?)"),
        ("variants=null", "does not say variants"),
        ("variants={}", "variants has no value left"),
        ("variants.l1=loss", "variants.l1 must be a list of overrides"),
        ("recipe=[glcic]", "recipe=['glcic'] must be text"),
        ("prepare=[degrade]", "prepare must be a list of commands"),
        ("axes=[0.1]", "axes must be a mapping"),
        ("axes.x=0.1", "axes.x must be a list of values, or a mapping"),
        ("axes.x=[]", "axes.x must be a list of values, or a mapping"),
    ],
)
@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_wrong_word_is_one_line(
    study: Path, word: str, said: str, dry: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute("study", [str(study), word, *dry]).code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (STUDY + "healdine: [psnr]", "study.yaml: a study has no setting 'healdine' (did you mean 'headline'?)"),
        (STUDY + "recipe: lama", "study.yaml cannot be read: found duplicate key recipe in line 13, column 1"),
        (STUDY.replace("[0, 1]", "[0, 1"), "study.yaml cannot be read: expected ',' or ']'"),
        (STUDY.replace("seeds: [0, 1]", ""), "study.yaml does not say seeds"),
        (STUDY.replace("Tiny", "${"), "study.yaml cannot be read"),
        ("- recipe: glcic", "study.yaml must be a mapping of settings"),
        ("", "study.yaml does not say recipe, scale, variants, baseline, seeds"),
        ("glcic", "a study has no setting 'glcic'"),
    ],
)
@pytest.mark.parametrize("words", [["study", "tiny_study"], ["report", "tiny_study"], ["check"]])
def test_a_wrong_file_is_one_line(
    study: Path,
    text: str,
    said: str,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (study / "study.yaml").write_text(text)
    (study.parent / "experiments").mkdir()
    study.rename(study.parent / "experiments" / study.name)
    monkeypatch.chdir(study.parent)
    assert execute(words[0], words[1:]).code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_study_that_is_not_there() -> None:
    with pytest.raises(UserError, match="there is no study 'nothing'"):
        read_study("nothing", [])
