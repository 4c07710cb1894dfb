"""Terms of new kinds, from a file outside the package: nothing in training/ knows them."""

from __future__ import annotations

import ast
from pathlib import Path

import pandas as pd
import pytest
import torch

import henkan.training
from henkan.config.composition import compose_root
from henkan.data.stream import collate
from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.losses.adversarial import Hinge, NonSaturating
from henkan.losses.feature_matching import FeatureMatching
from henkan.losses.masked_adversarial import MaskedNonSaturating
from henkan.losses.mse import MSE
from henkan.losses.penalty import R1
from henkan.runs.plan import plan_run
from henkan.terms.chosen import build_terms, check_terms
from henkan.terms.function import Function
from henkan.terms.term import Loss, Term
from henkan.training.assemble import build_translator, training_streams
from henkan.training.schedule import Phase, check_shares

CONTRASTIVE = '''
"""An output should be nearer to its own target than to pictures of another stream."""
import torch
from torch.nn.functional import cross_entropy, normalize
from henkan.terms.term import Loss, Need


class Contrastive(Loss):
    def __init__(self, temperature=0.1):
        self.temperature = temperature

    def needs(self, network, stream, against):
        # The others are looked at as they are: the generator does not see them.
        return {stream: Need.GRADIENT, against: Need.TARGET} if network == "generator" else {}

    def for_generator(self, step):
        ours, own, others = (
            normalize(images.mean((2, 3)) - 0.5, dim=1)
            for images in (step.sample["output"], step.sample["target"], step.other["target"])
        )
        assert not step.other["target"].requires_grad
        logits = torch.cat([(ours * own).sum(1, keepdim=True), ours @ others.T], dim=1) / self.temperature
        step.log("contrastive/nearest", (logits.argmax(1) == 0).float().mean())
        return cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.long), reduction="none")
'''
OBJECTIVE = '''
"""An adversarial objective of another kind: which of the two is the real one, side by side (a softmax of two)."""
from torch.nn.functional import softplus
from henkan.terms.term import Loss, Need


class WhichOne(Loss):
    teaches = ("generator", "discriminator")
    judges = True
    compares = True
    fake = "output"

    def needs(self, network, stream, against):
        return {against: Need.TARGET, stream: Need.GRADIENT if network == "generator" else Need.OUTPUT}

    def for_generator(self, step):
        verdict = step.verdict()
        return softplus(verdict.real.flatten(1).mean(1) - verdict.fake.flatten(1).mean(1))

    def for_discriminator(self, step):
        verdict = step.verdict()
        step.log("discriminator/told_apart", (verdict.real > verdict.fake).float().mean())
        return softplus(verdict.fake.flatten(1).mean(1) - verdict.real.flatten(1).mean(1))
'''


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with two terms of its own."""
    (tmp_path / "conf" / "loss").mkdir(parents=True)
    for name, text, target in (
        ("contrastive", CONTRASTIVE, "my_contrastive.Contrastive"),
        ("which_one", OBJECTIVE, "my_objective.WhichOne"),
    ):
        (tmp_path / f"{target.partition('.')[0]}.py").write_text(text)
        (tmp_path / "conf" / "loss" / f"{name}.yaml").write_text(
            f"# @package _global_\nloss:\n  {name}:\n    _target_: {target}\n    weight: ${{weights.{name}}}\n"
            f"weights:\n  {name}: 0.1\nbalance:\n  {name}: null\n"
        )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_objective_of_a_new_kind_trains(mine: Path, tiny: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute("train", [*tiny, "loss=[mse,which_one]"]).code == 0
    rows = pd.read_csv(Path(capsys.readouterr().out.splitlines()[-1]) / "metrics.csv")
    joint = rows[rows["phase"] == "joint"]
    assert joint["discriminator/told_apart"].between(0, 1).all()
    assert (joint["gradient/which_one"] > 0).all() and joint["weighted/which_one"].notna().all()
    # Its own phase trains the discriminator.
    assert rows[rows["phase"] == "discriminator"]["discriminator/told_apart"].notna().all()


def test_a_contrastive_term_reads_another_stream(
    mine: Path, tiny: list[str], pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        *tiny,
        "loss=[mse,contrastive]",
        "stream=[unpaired_target]",
        "data@streams.unpaired_target.data=image_folder",
        f"streams.unpaired_target.data.path={pictures}",
        "+loss.contrastive.against=unpaired_target",
    ]
    assert execute("train", words).code == 0
    rows = pd.read_csv(Path(capsys.readouterr().out.splitlines()[-1]) / "metrics.csv")
    assert rows["contrastive/nearest"].dropna().between(0, 1).all()
    assert (rows["gradient/contrastive"].dropna() > 0).all() and rows["gradient/contrastive"].notna().any()


def test_training_asks_no_term_its_kind() -> None:
    folder = Path(henkan.training.__path__[0])
    for path in folder.rglob("*.py"):
        tree = ast.parse(path.read_text())
        imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
        assert not any(module.startswith("henkan.losses") for module in imported), path
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Name) and call.func.id in ("isinstance", "hasattr", "type", "getattr"):
                assert "term" not in ast.unparse(call.args[0]) and "loss" not in ast.unparse(call.args[0]), path
        for comparison in (node for node in ast.walk(tree) if isinstance(node, ast.Compare)):
            sides = [comparison.left, *comparison.comparators]
            named = any(ast.unparse(side).endswith(("term.name", "loss.name")) for side in sides)
            assert not (named and any(isinstance(side, ast.Constant) for side in sides)), path
    assert len((folder / "translator.py").read_text().splitlines()) < 250


def test_terms_are_built_in_the_order_of_their_names() -> None:
    nodes = {name: {"_target_": "henkan.losses.mse.MSE"} for name in ("c", "a", "b")}
    assert [term.name for term in build_terms(nodes)] == ["a", "b", "c"]


def test_what_is_wrong_with_terms_together_is_said() -> None:
    mse = Term("mse", Function("mse", MSE()))
    for lone in (Term("r1", R1()), Term("feature_matching", FeatureMatching())):
        with pytest.raises(UserError, match=f"{lone.name} needs a discriminator, but no term trains one"):
            check_terms([mse, lone])
        check_terms([mse, lone, Term("adversarial", Hinge())])
    with pytest.raises(UserError, match="judge different pictures"):
        check_terms([Term("one", NonSaturating()), Term("other", MaskedNonSaturating())])
    balanced = [mse, Term("adversarial", Hinge(), balance=0.5)]
    check_shares(balanced, [Phase("joint", 1, ("discriminator", "generator"))])
    check_shares(balanced, [Phase("alone", 1, ("discriminator",), ("adversarial",))])
    with pytest.raises(
        UserError, match=r"balance.adversarial=0.5 is a share .* the phase joint has none with a weight"
    ):
        check_shares(balanced, [Phase("joint", 1, ("discriminator", "generator"), ("adversarial",))])
    with pytest.raises(UserError, match=r"balance.r1=0.5 must be above 0, of a term that the generator feels"):
        check_terms([mse, Term("adversarial", Hinge()), Term("r1", R1(), balance=0.5)])
    with pytest.raises(UserError, match=r"balance.adversarial=-1.0 must be above 0"):
        check_terms([mse, Term("adversarial", Hinge(), balance=-1.0)])


def test_a_loss_that_overrides_nothing_has_a_part_in_nothing() -> None:
    loss = Loss()
    assert loss.needs("generator", "paired", "paired") == loss.needs("discriminator", "paired", "paired") == {}
    assert not loss.judges and loss.discriminator_updates == 1


def test_a_critic_of_wasserstein_gets_five_updates_from_one_config_line(tiny: list[str]) -> None:
    words = [*tiny, "loss=[mse,wasserstein,gradient_penalty]", "discriminator.normalization=null"]
    plan = plan_run(compose_root("train", words))
    joint = plan.schedule.phases[-1]
    assert joint.ratio == 5 and joint.iterations == 5 * 8
    assert plan.schedule.updates("generator") == 6 + 8
    one = plan_run(compose_root("train", [*words, "loss.adversarial.discriminator_updates=1"]))
    assert one.schedule.phases[-1].iterations == 8 and one.identity != plan.identity


def test_the_discriminator_is_asked_once_a_step(tiny: list[str]) -> None:
    plan = plan_run(compose_root("train", [*tiny, "loss=[mse,adversarial,feature_matching]"]))
    translator, stream = build_translator(plan), training_streams(plan)["paired"]
    sample = translator.transform.prepare(collate([stream["generator", k] for k in range(4)]))
    generated = {"paired": translator.transform.generate(translator.generator, sample)}
    assert translator.discriminator is not None
    seen: list[int] = []
    translator.discriminator.register_forward_hook(lambda _, __, returned: seen.append(len(returned[0])))
    translator.objective.seeded = lambda *words: torch.manual_seed(0)
    loss = translator.objective.of_generator(generated, plan.terms, 10, observe=True, measure=False)
    assert torch.isfinite(loss) and seen == [8]
    translator.objective.of_discriminator(generated, plan.terms, 10, updates=0)
    assert seen == [8, 8]
