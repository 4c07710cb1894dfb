"""The one LightningModule: any generator, any discriminator, any task. What differs between papers is data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from henkan.errors import UserError
from henkan.networks.modes import has_batch_statistics, without_trace
from henkan.randomness import seed_for
from henkan.sample import PAIRED, Sample, on_device
from henkan.terms.chosen import judged_picture
from henkan.terms.judge import Augmentation, Bench
from henkan.terms.term import Need, Term
from henkan.training.average import Average
from henkan.training.objective import Objective, Samples
from henkan.training.schedule import Phase, Schedule, active
from henkan.training.state import State
from henkan.training.tally import Tally
from henkan.training.updater import OptimizerFactory, SchedulerFactory, Updater
from henkan.transform import Transform


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
        clip: Mapping[str, float | None] | None = None,
        accumulate: int = 1,
        rates: Mapping[str, Mapping[str, float]] | None = None,
        decay: float | None = None,
        log_every: int = 50,
        augment: Augmentation | None = None,
        held_out: Callable[[int], Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        # What surrounds the generator differs between streams by the degradation alone.
        self.transforms, self.transform = dict(transforms), transforms[PAIRED]
        self.task, self.schedule = self.transform.task, schedule
        layout = torch.channels_last if self.transform.channels_last else torch.contiguous_format
        self.generator = generator.to(memory_format=layout)
        self.discriminator = None if discriminator is None else discriminator.to(memory_format=layout)
        if decay is not None and hasattr(generator, "begin"):
            raise UserError(
                f"average.decay={decay}: a generator that changes with the phase has no average; set it to null"
            )
        self.average = None if decay is None else Average(self.generator, decay)
        # A plain tuple: frozen feature networks inside terms must not swell the state_dict.
        self.terms = tuple(terms)
        self.seed, self.log_every = seed, log_every
        self.iteration = 0
        # Whether to end after this iteration; see `Interruption`.
        self.stopping: Callable[[], bool] = lambda: False
        self.tally = Tally()
        self.observed: dict[str, float] | None = None
        networks: dict[str, nn.Module] = {"generator": self.generator}
        self.bench: Bench | None = None
        if self.discriminator is not None:
            networks["discriminator"] = self.discriminator
            together, fake = has_batch_statistics(self.discriminator), judged_picture(terms)
            self.bench = Bench(self.discriminator, self.task.judged, fake, together, augment)
            for term in terms:
                term.loss.check(self.discriminator)
        self.objective = Objective(terms, self.generator, self.bench, self.tally, self.seeded)
        self.updater = Updater(networks, optimizers, schedulers, self.tally, accumulate, clip, rates)
        self.held_out = held_out

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
        phase, updated = self.schedule.phase_at(self.iteration), self.schedule.updated(self.iteration)
        terms, observe = active(self.terms, phase), self.is_log_step(self.iteration)
        # A generator may change with the phase: its picture grows, say.
        begin = getattr(self.generator, "begin", None)
        if begin is not None and begin(phase.name):
            self.updater.forget("generator")
        needed = self.needed(terms, updated, observe)
        samples = {name: self.transforms[name].prepare(batch) for name, batch in batches.items() if name in needed}
        generated: Samples | None = None
        for network in updated:
            if generated is None:
                with torch.set_grad_enabled(Need.GRADIENT in needed.values()):
                    generated = self.forward_generator(samples, needed)
            if network == "discriminator":
                self.update(network, partial(self.discriminator_loss, generated, terms, observe))
            else:
                self.update(network, self.generator_closure(samples, generated, phase, terms, observe, needed))
                # A discriminator that is updated after it sees what the generator makes now, and leaves no trace.
                generated, needed = None, {name: min(need, Need.OUTPUT) for name, need in needed.items()}
        self.iteration += 1
        if observe:
            self.tally.check()
            rates = self.updater.rates()
            self.observed = {**self.tally.read(), **{f"learning_rate/{name}": rates[name] for name in updated}}

    def needed(self, terms: Sequence[Term], updated: Sequence[str], observe: bool) -> dict[str, Need]:
        """Return the streams that an iteration needs, and what of each.

        One that a loss goes back through leaves its trace in batch statistics; one that is only looked at does not.
        """
        needed = {PAIRED: Need.GRADIENT if "generator" in updated else Need.OUTPUT}
        for network in updated:
            for term in terms:
                pulled = network != "generator" or term.pulls
                for stream, need in term.needs(network).items() if pulled or observe else ():
                    needed[stream] = max(needed.get(stream, Need.TARGET), need if pulled else min(need, Need.OUTPUT))
        return needed

    def forward_generator(self, samples: Samples, needed: Mapping[str, Need]) -> Samples:
        """Run the generator on the streams whose output is needed, each in a forward of its own."""
        generated = dict(samples)
        for name, sample in samples.items():
            if needed[name] > Need.TARGET:
                self.seeded("generator", *([] if name == PAIRED else [name]))
                with nullcontext() if needed[name] is Need.GRADIENT else without_trace(self.generator):
                    generated[name] = self.transforms[name].generate(self.generator, sample)
        return generated

    def update(self, network: str, loss: Callable[[], Tensor]) -> None:
        """Add a batch to the next optimizer step of a network, and take it when it is due."""
        before = self.schedule.updates(network, self.iteration)
        taken = self.updater.step(self, network, before, loss)
        if taken and network == "generator":
            self.objective.balance.close()
            if self.average is not None:
                self.average.update(self.generator, before // self.updater.accumulate)

    def generator_closure(
        self,
        samples: Samples,
        generated: Samples,
        phase: Phase,
        terms: Sequence[Term],
        observe: bool,
        needed: Mapping[str, Need],
    ) -> Callable[[], Tensor]:
        """Return the generator's loss as a function; its first call uses the forward that was judged already.

        An optimizer may call it again in one step (L-BFGS does). Only the first call, before anything has moved, is
        logged and measured.
        """
        self.objective.balance.begin(phase.name)
        forwards = [generated]

        def loss() -> Tensor:
            first = bool(forwards)
            again = forwards.pop() if first else self.forward_generator(samples, needed)
            return self.objective.of_generator(again, terms, self.iteration, observe and first, measure=first)

        return loss

    def discriminator_loss(self, samples: Samples, terms: Sequence[Term], observe: bool) -> Tensor:
        """Return the discriminator's loss; at log steps it is also asked about pictures that nothing is trained on."""
        updates = self.schedule.updates("discriminator", self.iteration)
        unseen = partial(self.unseen, self.iteration) if observe and self.held_out is not None else None
        return self.objective.of_discriminator(samples, terms, self.iteration, updates, unseen)

    def unseen(self, iteration: int) -> Sample:
        """Return pictures that nothing is trained on, prepared as those of the paired stream are."""
        assert self.held_out is not None
        return self.transform.prepare(on_device(self.held_out(iteration), self.device))

    # -- what Lightning asks for, and what is saved ---------------------------------------------------------------

    def configure_optimizers(self) -> list[Optimizer]:
        return self.updater.configure()

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        self.updater.clip(optimizer)

    def on_fit_start(self) -> None:
        for term in self.terms:
            term.loss.to(self.device)

    def state(self) -> State:
        """Return all that the next iteration depends on, as plain containers and tensors."""
        steps = self.updater.state()
        return {
            "iteration": self.iteration,
            "phase": self.schedule.phase_at(min(self.iteration, len(self.schedule) - 1)).name,
            "state_dict": self.state_dict(),
            "optimizers": steps["optimizers"],
            "schedulers": steps["schedulers"],
            "gradients": steps["gradients"],
            "balance": self.objective.balance.state(),
            "tally": self.tally.state(),
        }

    def restore(self, state: State) -> None:
        """Take up a state saved by `state`, also one of a shared prefix, which has no discriminator yet."""
        self.iteration = int(state["iteration"])
        self.updater.restore(state)
        self.objective.balance.restore(state["balance"], self.device)
        self.tally.restore(state["tally"], self.device)
