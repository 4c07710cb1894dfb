"""The one LightningModule: any generator, any discriminator, any task. What differs between papers is data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from enum import IntEnum
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from henkan.losses.adversarial import Adversarial
from henkan.losses.feature_matching import FeatureMatching
from henkan.losses.penalty import Penalty, refuse_batch_statistics
from henkan.randomness import seed_for
from henkan.sample import Detached, Sample, named_arguments, on_device
from henkan.training.average import Average
from henkan.training.modes import has_batch_statistics, without_gradient, without_trace
from henkan.training.schedule import Phase, Schedule
from henkan.training.tally import Tally
from henkan.training.terms import PAIRED, Term, active
from henkan.transform import Transform

OptimizerFactory = Callable[..., Optimizer]
SchedulerFactory = Callable[[Optimizer], LRScheduler]


class Shown(IntEnum):
    """What an iteration needs of a stream."""

    REAL = 0
    """Its targets alone: the generator does not see it."""
    ONCE = 1
    """The generator's output, to look at or for the discriminator: it leaves no trace in the generator."""
    PULLED = 2
    """The generator's output, that a term pulls at."""


class Translator(pl.LightningModule):
    """Trains a generator by named terms, and a discriminator where a term needs one, phase by phase.

    One iteration is one batch, counted by `iteration` (Lightning's `global_step` counts optimizer steps). All
    randomness derives from (seed, component, iteration), so nothing but the state in a checkpoint is carried along.
    """

    def __init__(
        self,
        *,
        generator: nn.Module,
        discriminator: nn.Module | None,
        transforms: Mapping[str, Transform],
        terms: Sequence[Term],
        schedule: Schedule,
        optimizers: Mapping[str, OptimizerFactory],
        schedulers: Mapping[str, SchedulerFactory | None],
        seed: int,
        clip: float | None = None,
        accumulate: int = 1,
        decay: float | None = None,
        log_every: int = 50,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        # What surrounds the generator differs between streams by the degradation alone.
        self.transforms, self.transform = dict(transforms), transforms[PAIRED]
        self.task, self.schedule = self.transform.task, schedule
        layout = torch.channels_last if self.transform.channels_last else torch.contiguous_format
        self.generator = generator.to(memory_format=layout)
        self.discriminator = None if discriminator is None else discriminator.to(memory_format=layout)
        self.average = None if decay is None else Average(self.generator, decay)
        # A plain tuple: frozen feature networks inside terms must not swell the state_dict.
        self.terms = tuple(terms)
        self.factories, self.scheduler_factories = optimizers, schedulers
        self.seed, self.clip, self.accumulate = seed, clip, accumulate
        self.log_every = log_every
        self.iteration = 0
        # Whether to end after this iteration; see `Interruption`.
        self.stopping: Callable[[], bool] = lambda: False
        self.tally = Tally()
        self.observed: dict[str, float] | None = None
        self.learning_rates: dict[str, LRScheduler] = {}
        self.networks = [name for name in ("generator", "discriminator") if getattr(self, name) is not None]
        if discriminator is not None:
            self.asks = tuple(named_arguments(discriminator.forward))
            self.together = has_batch_statistics(discriminator)
            if any(isinstance(term.function, Penalty) and not term.function.across_images for term in terms):
                refuse_batch_statistics(discriminator)
            objectives = [term.function for term in terms if isinstance(term.function, Adversarial)]
            self.judges = objectives[0].judges if objectives else "output"

    # -- what a phase does ---------------------------------------------------------------------------------------

    def is_log_step(self, iteration: int) -> bool:
        done = iteration + 1
        return done % self.log_every == 0 or done in self.schedule.ends

    def seeded(self, *words: str | int) -> None:
        """Set torch's generators to a state that depends on (seed, words, iteration) and the rank alone."""
        seed = seed_for(self.seed, *words, self.iteration, self.global_rank)
        # Not torch.manual_seed: it visits every kind of device, which costs a millisecond where there is none.
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    # -- one iteration -------------------------------------------------------------------------------------------

    def training_step(self, batches: Iterable[Mapping[str, Any]], batch_idx: int) -> None:
        """Train a stretch of iterations: Lightning's step, but not one iteration (see `Feed`)."""
        for batch in batches:
            self.iterate({name: on_device(own, self.device) for name, own in batch.items()})
            if self.stopping():
                break

    def iterate(self, batches: Mapping[str, Mapping[str, Any]]) -> None:
        """Train one iteration on a batch of each stream."""
        phase = self.schedule.phase_at(self.iteration)
        terms, observe = active(self.terms, phase), self.is_log_step(self.iteration)
        wanted = self.shown(terms, phase, observe)
        samples = {name: self.transforms[name].prepare(batch) for name, batch in batches.items() if name in wanted}
        with torch.set_grad_enabled("generator" in phase.update):
            generated = self.forward_generator(samples, wanted)
        for network in phase.update:
            if network == "discriminator":
                self.update("discriminator", partial(self.discriminator_loss, generated, terms))
            else:
                loss = self.generator_closure(samples, generated, terms, observe, wanted)
                self.update("generator", loss)
        self.iteration += 1
        if observe:
            self.tally.check()
            rates = {f"learning_rate/{name}": self.optimizer(name).param_groups[0]["lr"] for name in phase.update}
            self.observed = {**self.tally.read(), **rates}

    def shown(self, terms: Sequence[Term], phase: Phase, observe: bool) -> dict[str, Shown]:
        """Return the streams that an iteration needs, and what of each.

        One that pulls at the generator leaves its trace in batch statistics; one that is only looked at does not.
        """
        updated = "generator" in phase.update
        wanted = {PAIRED: Shown.PULLED if updated else Shown.ONCE}
        for term in terms:
            judged = "discriminator" in phase.update and isinstance(term.function, Adversarial | Penalty)
            if judged or observe or term.weight:
                pulls = updated and bool(term.weight) and not isinstance(term.function, Penalty)
                wanted[term.stream] = max(wanted.get(term.stream, Shown.REAL), Shown.PULLED if pulls else Shown.ONCE)
                wanted.setdefault(term.against, Shown.REAL)
        return wanted

    def generator_closure(
        self,
        samples: Mapping[str, Sample],
        generated: dict[str, Sample],
        terms: Sequence[Term],
        observe: bool,
        wanted: Mapping[str, Shown],
    ) -> Callable[[], Tensor]:
        """Return the generator's loss as a function; its first call uses the forward that was judged already."""
        forwards = [generated]

        def loss() -> Tensor:
            again = forwards.pop() if forwards else self.forward_generator(samples, wanted)
            return self.generator_loss(again, terms, observe)

        return loss

    def forward_generator(self, samples: Mapping[str, Sample], wanted: Mapping[str, Shown]) -> dict[str, Sample]:
        """Run the generator on the streams that want it, each in a forward of its own."""
        generated = {}
        for name, sample in samples.items():
            how = wanted[name]
            if how is Shown.REAL:
                generated[name] = sample
                continue
            self.seeded("generator", *([] if name == PAIRED else [name]))
            with nullcontext() if how is Shown.PULLED else without_trace(self.generator):
                generated[name] = self.transforms[name].generate(self.generator, sample)
        return generated

    def update(self, network: str, loss: Callable[[], Tensor]) -> None:
        """Take one optimizer step through a closure; sum gradients only, where the step is not due yet."""
        optimizer = self.lightning_optimizer(network)
        done = self.schedule.updates(network, self.iteration)

        def closure() -> Tensor:
            if done % self.accumulate == 0:
                optimizer.zero_grad(set_to_none=True)
            value = loss()
            self.manual_backward(value / self.accumulate)
            return value

        if (done + 1) % self.accumulate:
            closure()
            return
        optimizer.step(closure=closure)
        if network in self.learning_rates:
            self.learning_rates[network].step()
        if network == "generator" and self.average is not None:
            self.average.update(self.generator)

    # -- the two losses ------------------------------------------------------------------------------------------

    def generator_loss(self, samples: Mapping[str, Sample], terms: Sequence[Term], observe: bool) -> Tensor:
        """Sum the weighted terms; at log steps also measure the gradient each sends to the generator's output."""
        paired = samples[PAIRED]
        total: Tensor = paired["raw"].new_zeros(())
        norms: dict[str, Tensor] = {}
        for term in terms:
            if isinstance(term.function, Penalty) or (term.weight == 0 and not observe):
                continue
            value = self.term_value(term, samples)
            weighted = term.weight * value
            self.tally.add(f"loss/{term.name}", value)
            self.tally.add(f"weighted/{term.name}", weighted)
            self.tally.watch(f"loss term {term.name}", value, self.iteration)
            if observe and value.requires_grad:
                gradient = torch.autograd.grad(
                    value, samples[term.stream]["raw"], retain_graph=True, allow_unused=True
                )[0]
                norms[term.name] = value.new_zeros(()) if gradient is None else torch.linalg.vector_norm(gradient)
            if term.weight != 0:
                total = total + weighted
        self.observe_gradients(norms, terms)
        if not total.requires_grad:  # every weight is 0: nothing pulls, and the step moves nothing
            total = total + 0.0 * paired["raw"].sum()
        self.tally.add("loss/generator", total)
        return total

    def term_value(self, term: Term, samples: Mapping[str, Sample]) -> Tensor:
        self.seeded("term", term.name)
        sample, function = samples[term.stream], term.function
        if not term.needs_discriminator:
            return term.value(sample).to(self.device)
        assert self.discriminator is not None
        with without_gradient(self.discriminator), without_trace(self.discriminator):
            fake = self.task.judged(self.judges, sample, "fake")
            matches = isinstance(function, FeatureMatching)
            if self.together or matches or (isinstance(function, Adversarial) and function.relativistic):
                real_logits, fake_logits, real_maps, fake_maps = self.judge(self.real(term, samples), fake)
                if isinstance(function, FeatureMatching):
                    return function(fake_maps, real_maps).mean()
                assert isinstance(function, Adversarial)
                return function.generator(fake_logits, real_logits).mean()
            assert isinstance(function, Adversarial)
            logits, _ = self.discriminator(**self.pick(fake))
            return function.generator(logits.float()).mean()

    def real(self, term: Term, samples: Mapping[str, Sample]) -> dict[str, Tensor]:
        """Return what the discriminator is shown as real beside a term's fakes."""
        sample = samples[term.against]
        return self.task.judged("target", sample, "real")

    def observe_gradients(self, norms: Mapping[str, Tensor], terms: Sequence[Term]) -> None:
        """Log each term's gradient norm at the raw output, and the weighted ratio by which GLCIC picks α."""
        pulls: dict[bool, list[Tensor]] = {True: [], False: []}
        for term in terms:
            if term.name in norms:
                self.tally.add(f"gradient/{term.name}", norms[term.name])
                pulls[isinstance(term.function, Adversarial)].append(term.weight * norms[term.name])
        if pulls[True] and pulls[False]:
            adversarial, other = (torch.stack(pulls[kind]).sum() for kind in (True, False))
            self.tally.add("gradient/ratio", adversarial / other.clamp(min=1e-20))

    def discriminator_loss(self, samples: Mapping[str, Sample], terms: Sequence[Term]) -> Tensor:
        """Sum the objectives' other face and the penalties that are due. The terms' weights are the generator's."""
        assert self.discriminator is not None
        total: Tensor = samples[PAIRED]["target"].new_zeros(())
        steps = self.schedule.updates("discriminator", self.iteration)
        logits: dict[tuple[str, str], tuple[Tensor, Tensor]] = {}
        for term in terms:
            if not isinstance(term.function, Adversarial | Penalty):
                continue
            streams = (term.stream, term.against)
            # A run of one stream logs plain names.
            where = "" if streams == (PAIRED, PAIRED) else f"_{term.stream}"
            sample = samples[term.stream]
            real = self.real(term, samples)
            fake = self.task.judged(self.judges, Detached(sample), "fake")
            if isinstance(term.function, Adversarial):
                if streams not in logits:
                    self.seeded("discriminator", *([] if not where else streams))
                    logits[streams] = self.judge(real, fake)[:2]
                real_logits, fake_logits = logits[streams]
                given = {"mask": sample["mask"]} if term.labels_by_mask else {}
                value = term.function.discriminator(real_logits, fake_logits, **given).mean()
                boundary = term.function.boundary(real_logits.detach(), fake_logits.detach())
                self.tally.add(f"discriminator/accuracy_real{where}", (real_logits > boundary).float().mean())
                self.tally.add(f"discriminator/accuracy_fake{where}", (fake_logits < boundary).float().mean())
            elif term.weight and steps % term.function.every == 0:
                # Lazy: as strong on average as if it were evaluated in every step.
                penalty = term.function(self.discriminator, self.pick(real), self.pick(fake)).mean()
                value = term.weight * term.function.every * penalty
            else:
                continue
            self.tally.add(f"discriminator/{term.name}", value)
            self.tally.watch(f"the discriminator's {term.name}", value, self.iteration)
            total = total + value
        return total

    def pick(self, judged: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Keep what the discriminator's signature names."""
        return {name: judged[name] for name in self.asks if name in judged}

    def judge(
        self, real: Mapping[str, Tensor], fake: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor, list[Tensor], list[Tensor]]:
        """Score real and fake in one batch, so that batch statistics cannot give either away.

        Returns the logits of both and the maps of both.
        """
        assert self.discriminator is not None
        both = {name: torch.cat((value, fake[name])) for name, value in self.pick(real).items()}
        logits, maps = self.discriminator(**both)
        real_logits, fake_logits = logits.float().chunk(2)
        halves = [one.chunk(2) for one in maps]
        return real_logits, fake_logits, [half[0] for half in halves], [half[1] for half in halves]

    # -- optimizers ----------------------------------------------------------------------------------------------

    def configure_optimizers(self) -> list[Optimizer]:
        optimizers = []
        for name in self.networks:
            optimizer = self.factories[name](getattr(self, name).parameters())
            factory = self.scheduler_factories.get(name)
            if factory is not None:
                self.learning_rates[name] = factory(optimizer)
            optimizers.append(optimizer)
        return optimizers

    def lightning_optimizer(self, network: str) -> Any:
        optimizers = self.optimizers()
        return optimizers[self.networks.index(network)] if isinstance(optimizers, list) else optimizers

    def optimizer(self, network: str) -> Optimizer:
        """Return the plain torch optimizer of a network."""
        return self.trainer.optimizers[self.networks.index(network)]

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        # Here, not in the step: under fp16 the gradients have been unscaled by now.
        if self.clip is not None:
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            torch.nn.utils.clip_grad_norm_(weights, self.clip)

    def on_fit_start(self) -> None:
        for term in self.terms:
            if isinstance(term.function, nn.Module):
                term.function.to(self.device)

    # -- state ---------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return all that the next iteration depends on, as plain containers and tensors."""
        return {
            "iteration": self.iteration,
            "phase": self.schedule.phase_at(min(self.iteration, len(self.schedule) - 1)).name,
            "state_dict": self.state_dict(),
            "optimizers": {name: self.optimizer(name).state_dict() for name in self.networks},
            "schedulers": {name: rate.state_dict() for name, rate in self.learning_rates.items()},
            "tally": self.tally.state(),
            # What a batch that is summed into the next update has left.
            "gradients": {name: self.gradients(name) for name in self.networks} if self.accumulate > 1 else {},
        }

    def gradients(self, network: str) -> dict[str, Tensor | None]:
        weights = getattr(self, network).named_parameters()
        return {name: None if weight.grad is None else weight.grad.clone() for name, weight in weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state saved by `state`, also one of a shared prefix, which has no discriminator yet."""
        self.iteration = int(state["iteration"])
        for name in self.networks:
            if name in state["optimizers"]:
                self.optimizer(name).load_state_dict(state["optimizers"][name])
            if name in state["schedulers"]:
                self.learning_rates[name].load_state_dict(state["schedulers"][name])
        for network, gradients in state["gradients"].items():
            for name, weight in getattr(self, network).named_parameters() if network in self.networks else ():
                weight.grad = None if gradients[name] is None else gradients[name].to(weight.device)
        self.tally.restore(state["tally"], self.device)
