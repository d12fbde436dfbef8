"""Who does the work: this process, several processes of this machine, or the workers of a Dask cluster."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Workers:
    """Who does the work.

    Attributes:
        jobs: processes of this machine; None is one, or one for each GPU where the device is "cuda".
        cluster: the address of a Dask scheduler, such as "tcp://10.0.0.1:8786", whose workers do it instead.
        device: where a network runs: "cpu"; "cuda", the GPUs of a machine in turns; "cuda:N".
        threads: of torch in each process. Results may differ in the last bits between numbers of threads, but not
            between numbers of processes.
    """

    jobs: int | None = None
    cluster: str | None = None
    device: str = "cpu"
    threads: int = 1

    def __post_init__(self) -> None:
        if self.jobs is not None and self.jobs < 1:
            raise ValueError(f"jobs must be positive, got {self.jobs}")
        if self.threads < 1:
            raise ValueError(f"threads must be positive, got {self.threads}")
        if self.jobs is not None and self.cluster is not None:
            raise ValueError("jobs are processes of this machine, but a cluster has workers of its own: leave out one")

    @property
    def n_processes(self) -> int:
        """Processes of this machine that work; 1 is this one. A cluster's workers do not count."""
        return n_processes(self.jobs, self.device, n_gpus())

    @property
    def is_here(self) -> bool:
        """Whether this process does the work itself."""
        return self.cluster is None and self.n_processes == 1


THIS_PROCESS = Workers()


def n_processes(jobs: int | None, device: str, gpus: int) -> int:
    """How many processes work on a machine: as many as asked for, else one for each GPU that may be taken.

    Args:
        jobs: as asked for, or None.
        device: "cpu", "cuda" or "cuda:N".
        gpus: how many the machine has.

    >>> asked = [(None, "cuda"), (None, "cuda:1"), (None, "cpu"), (2, "cuda")]
    >>> [n_processes(jobs, device, 4) for jobs, device in asked]
    [4, 1, 1, 2]
    """
    return jobs or (max(gpus, 1) if device == "cuda" else 1)


def device_of(device: str, rank: int, gpus: int) -> str:
    """The device of the process of that number: "cuda" is one of the machine's GPUs, in turns; others are themselves.

    Args:
        device: as asked for.
        rank: number of the process, from 0.
        gpus: how many the machine has.

    >>> [device_of("cuda", rank, 2) for rank in range(3)], device_of("cuda:1", 0, 2), device_of("cpu", 3, 2)
    (['cuda:0', 'cuda:1', 'cuda:0'], 'cuda:1', 'cpu')
    """
    return f"cuda:{rank % gpus}" if device == "cuda" and gpus else device


def rank_among(address: str, addresses: Iterable[str]) -> int:
    """The number of a worker among those on its host; addresses are as "tcp://host:port".

    >>> rank_among("tcp://a:9", ["tcp://b:1", "tcp://a:12", "tcp://a:9"])
    0
    """
    host, _, port = address.rpartition(":")
    ports = [int(other.rpartition(":")[2]) for other in addresses if other.rpartition(":")[0] == host]
    return sum(other < int(port) for other in ports)


def own_device(device: str) -> str:
    """The device of this process, as `device_of`."""
    return device_of(device, _rank or 0, n_gpus())


def n_gpus() -> int:
    """The GPUs that this process can see."""
    import torch

    return torch.cuda.device_count()


def set_rank(rank: int) -> None:
    """Gives this process its number among those that work on its machine; without a call it is 0."""
    global _rank  # noqa: PLW0603 - a fact about the process
    _rank = rank


def has_rank() -> bool:
    """Whether `set_rank` was called."""
    return _rank is not None


@contextmanager
def torch_threads(n: int) -> Iterator[None]:
    """torch on that many threads, wherever the block runs: sums are rounded alike then."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


_rank: int | None = None
