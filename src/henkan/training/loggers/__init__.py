"""Where a run shows itself while it trains. The truth about curves is `metrics.csv`, written whatever the logger is.

none          nothing beyond metrics.csv
csv           and the validation pictures, in the run folder's panels/
wandb         and all of it in Weights & Biases, offline unless told otherwise
tensorboard   or in TensorBoard's files, in the run folder
mlflow        or in a file that MLflow reads, or on its server
trackio       or in Trackio's files

A logger is a file here and one in `conf/logger/`.
"""

from henkan.training.loggers.logger import Files, RunLogger, Silent
from henkan.training.loggers.weights_and_biases import WeightsAndBiases

# As configs name them, those of before there were several files included.
__all__ = ["Files", "RunLogger", "Silent", "WeightsAndBiases"]
