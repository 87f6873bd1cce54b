"""The Dask cluster whose workers train the runs of a sweep."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras_gan


@contextlib.contextmanager
def connect(cluster: str) -> Iterator[Any]:
    """Yields a client of the Dask scheduler at an address, whose workers can train.

    Raises:
        ImportError: Dask is not installed.
        ValueError: the cluster has no workers or not this version of the package.
    """
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise ImportError(
            "A cluster needs Dask. Received: no module dask.distributed; install it with "
            "`pip install 'keras_gan[distributed]'`."
        ) from error
    with Client(cluster, timeout=10, set_as_default=False) as client:
        check_versions(client, cluster)
        yield client


def check_versions(client: Any, cluster: str) -> None:
    """Checks that a Dask cluster has workers and this package, without which it would wait for ever.

    Raises:
        ValueError: it has no workers or not this version of the package.
    """

    def find_version():  # sent as it is, not by its name in this module
        try:
            from keras_gan import __version__
        except ImportError:
            return "none"
        return __version__

    versions = client.run(find_version)
    if not versions:
        raise ValueError(
            f"A cluster needs workers. Received: none at {cluster}; start some with `dask worker {cluster}`."
        )
    versions = {"the scheduler": client.run_on_scheduler(find_version), **versions}
    for name, version in versions.items():
        if version != keras_gan.__version__:
            raise ValueError(
                "Scheduler and workers of a cluster need this version of keras_gan, "
                f"{keras_gan.__version__}. Received: {version} on {name}; install it there, or start it with "
                "PYTHONPATH set to the folder that holds it."
            )
