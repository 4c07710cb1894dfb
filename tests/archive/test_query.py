"""Which runs are meant: filters, names, and which way a score is better."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_runs import identity_of, write_run

from henkan.archive.index import Archive
from henkan.archive.query import better, condition, named, one_named, select
from henkan.errors import UserError


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    write_run(tmp_path, "mse", metrics={"psnr": 20.0, "l1": 3.0, "psnr_post": 21.0, "gradient": 0.1})
    write_run(tmp_path, "weak", alpha=0.001, metrics={"psnr": 19.5})
    write_run(tmp_path, "strong", seed=1, alpha=0.1, status="failed", error="the loss is NaN")
    return Archive(tmp_path)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("status=done", "mse weak"),
        ("status=failed,done seed=0", "mse weak"),
        ("status!=done", "strong"),
        ("recipe=gl*", "mse weak strong"),
        ("study=null", "mse weak strong"),
        ("loss=adversarial", "weak strong"),
        ("loss=[mse]", "mse"),
        ("loss=[adversarial,mse]", "weak strong"),
        ("loss!=adversarial", "mse"),
        ("generator=glcic", "mse weak strong"),
        ("generator=GLCIC", "mse weak strong"),
        ("generator=unet", ""),
        ("scale=smoke", "mse weak strong"),
        ("generator.width=1/4", ""),
        ("generator.width=0.250", "mse weak strong"),
        ("weights.adversarial=1e-3", "weak"),
        ("weights.adversarial<0.01", "weak"),
        ("weights.adversarial>=0.1", "strong"),
        # What a run lacks is in no order, and is not what is asked for.
        ("weights.adversarial<=0.001,status=done", None),
        ("weights.adversarial!=0.1", "mse weak"),
        ("psnr>19.5", "mse"),
        ("psnr<=20 loss=adversarial", "weak"),
        ("init=null", "mse weak strong"),
        ("error=*NaN*", "strong"),
        ("created>2000-01-01", "mse weak strong"),
        ("created<2000", ""),
        ("title=strong*", "strong"),
    ],
)
def test_filters(archive: Archive, words: str, wanted: str | None) -> None:
    if wanted is None:
        with pytest.raises(UserError, match="only numbers have an order"):
            [condition(word) for word in words.split()]
        return
    conditions = [found for word in words.split() if (found := condition(word)) is not None]
    assert len(conditions) == len(words.split())
    found = {entry.title.partition("-")[0] for entry in select(archive, conditions)}
    assert found == set(wanted.split())


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("statsu=done", "'status'"),
        ("weights.advesarial=1", "'weights.adversarial'"),
        ("lr=1", "'optimizer.generator.lr'"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(archive: Archive, word: str, near: str) -> None:
    one = condition(word)
    assert one is not None
    # Also where the filters before have left nothing.
    for before in ("status=done", "status=nothing"):
        first = condition(before)
        assert first is not None
        with pytest.raises(UserError, match=rf"no run knows '{one.key}' \(did you mean {near}"):
            select(archive, [first, one])


def test_a_run_is_named_by_its_identity_its_folder_or_a_pattern(archive: Archive) -> None:
    identity = identity_of("weak")
    weak = one_named(archive, identity[:6])
    assert weak.identity == identity and one_named(archive, identity) is weak
    assert one_named(archive, weak.name) is weak and one_named(archive, f"{weak.folder}/") is weak
    assert {entry.title for entry in named(archive, "*adversarial*")} == {"weak-seed0", "strong-seed1"}
    # A copy has the same name: what lies elsewhere is not meant by it.
    elsewhere = archive.runs.parent / "backup" / weak.name
    for path in (elsewhere, elsewhere.with_name("*")):
        with pytest.raises(UserError, match=r"does not lie in .*: paths\.runs=.*backup$"):
            named(archive, str(path))
    assert len(named(archive, str(archive.runs / "*"))) == 3
    # A folder that was moved to another disk and linked is where its link is.
    weak.folder.rename(archive.runs.parent / "moved")
    weak.folder.symlink_to(archive.runs.parent / "moved")
    assert one_named(archive, str(weak.folder)) is weak
    with pytest.raises(UserError, match="'' names no run"):
        named(archive, "")
    with pytest.raises(UserError, match=r"'\*' names 3 runs \(glcic-.*\): say more of it"):
        one_named(archive, "*")
    with pytest.raises(UserError, match=r"holds no run 'zzz': the beginning of an identity, or a folder"):
        named(archive, "zzz")


def test_the_better_way_is_the_config_s_own(archive: Archive) -> None:
    ways = {name: better(archive, archive.entries, name) for name in ("psnr", "l1", "psnr_post", "gradient", "fid")}
    assert ways == {"psnr": "higher", "l1": "lower", "psnr_post": "higher", "gradient": None, "fid": None}
