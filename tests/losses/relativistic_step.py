"""One step of the relativistic objective, of both networks; run as a script, it is one rank of a gloo group.

python relativistic_step.py RANK WORLD_SIZE STORE OUTPUT
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from henkan.losses.adversarial import RelativisticAverage
from henkan.ranks import end_rank


def step(rank: int, world_size: int, wrap: Callable[[nn.Module], nn.Module]) -> dict[str, Any]:
    """Return losses and gradients of D and G on this rank's share of one batch of 6."""
    torch.manual_seed(0)
    objective = RelativisticAverage()
    generator = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
    discriminator = nn.Linear(4, 3)  # three logits a picture, as of patches
    noise, real = (torch.randn(6, 4).chunk(world_size)[rank] for _ in range(2))

    # Kept in variables: a wrapper that is gone averages no gradients.
    wrapped_generator, wrapped_discriminator = wrap(generator), wrap(discriminator)

    shown = torch.cat([real, generator(noise).detach()])
    loss_d = objective.discriminator(*wrapped_discriminator(shown).chunk(2)).mean()
    loss_d.backward()
    discriminator.requires_grad_(False)
    real_logits, fake_logits = discriminator(torch.cat([real, wrapped_generator(noise)])).chunk(2)
    loss_g = objective.generator(fake_logits, real_logits).mean()
    loss_g.backward()
    return {
        "losses": torch.stack([loss_d, loss_g]).detach(),
        "gradients": [p.grad for network in (discriminator, generator) for p in network.parameters()],
    }


if __name__ == "__main__":
    rank, world_size, store, output = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world_size)
    torch.save(step(rank, world_size, DistributedDataParallel), output)
    end_rank()
