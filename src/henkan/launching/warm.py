"""What every run needs, imported once by the server that runs are forked from; see `henkan.launching.launcher`."""

import signal

# An interrupt in the terminal reaches the server as well; its client decides what ends.
signal.signal(signal.SIGINT, signal.SIG_IGN)

import hydra  # noqa: E402
import hydra.core.plugins  # noqa: E402
import pytorch_lightning  # noqa: E402, F401
import torch  # noqa: E402, F401
import torchmetrics  # noqa: E402, F401
import torchvision  # noqa: E402, F401
import wandb  # noqa: E402, F401

import henkan.config.explain  # noqa: E402, F401

hydra.core.plugins.Plugins.instance()
