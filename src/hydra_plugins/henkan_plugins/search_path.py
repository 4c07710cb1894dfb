"""User code outside the package counts as much as the package's own."""

from __future__ import annotations

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.plugins.config_source import ConfigLoadError
from hydra.plugins.search_path_plugin import SearchPathPlugin

# Where Hydra's own Optuna sweeper, if it is installed, has put its settings.
OPTUNA = "hydra/sweeper/optuna.yaml"


def let_trials_fail() -> None:
    """Have a failed trial not end a sweep of Hydra's Optuna sweeper, unless its max_failure_rate is said."""
    store = ConfigStore.instance()
    try:
        found = store.load(OPTUNA)
    except ConfigLoadError:
        return
    found.node.max_failure_rate = 1.0
    store.store(group="hydra/sweeper", name="optuna", node=found.node, provider=found.provider)


class WorkingDirectory(SearchPathPlugin):  # type: ignore[misc, unused-ignore]
    """Puts `./conf` on the search path, behind henkan's own tree, and makes `./mine.py` importable.

    Wherever henkan's configs are composed, also by `hydra.compose` and in launched processes. The resolvers that
    the configs use are registered here for the same reason.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        from henkan.config.trees import config_folder, make_importable, user_config_folder

        own, users = config_folder(), user_config_folder()
        paths = [entry.path.removeprefix("file://") for entry in search_path.get_path() if entry.path]
        if str(own) not in paths:
            return
        import henkan.config.resolvers  # noqa: F401

        make_importable(Path.cwd())
        let_trials_fail()
        if users is not None:
            search_path.append("working-directory", f"own://{users}")
