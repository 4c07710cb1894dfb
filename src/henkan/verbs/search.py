"""Search the settings of a recipe: trials chosen by the validation scores of those before, and a study of the winners.

A search is a folder of experiments/ with a search.yaml, named by the folder's name or by path. What search.yaml says
can be said here too: recipe, scale, overrides, trials, jobs (runs at once), space, objectives, sampler, pruner, seed,
winners, storage, engine, prepare, title, question. space.KEY=null leaves a dimension out, space.KEY=[…] tries values.
engine=submitit or ray has workers on other machines train the runs, engine.workers=N of them; experiments/README.md
says which when. Every other override goes to each of the runs. Killed and started again it goes on; several processes
share one search. No trial looks at the test split.

  henkan search perception_distortion
  henkan search perception_distortion --dry-run
  henkan search perception_distortion trials=40 'space.weights.adversarial={low: 1e-4, high: 1e-2, log: true}'
  henkan search perception_distortion 'objectives=[val/psnr_hole]' pruner=median storage=sqlite:///trials.db
"""

from __future__ import annotations

from henkan.config.searches import SEARCH, read_search
from henkan.config.trees import frozen_config
from henkan.sweeps.command import asked, prepare
from henkan.sweeps.search import outline, prepare_search, run_search


def main(arguments: list[str]) -> int:
    command = asked(SEARCH, arguments, "perception_distortion")
    search = read_search(command.name, command.overrides)
    with frozen_config():
        prepare(search)
        prepared = prepare_search(search)
        if command.dry:
            outline(prepared)
            return 0
        return run_search(prepared, command)
