"""Who works where: processes for devices, and what cannot be."""

import pytest
import torch

from pysid.parallel.workers import Workers, device_of, n_processes, own_device, rank_among, set_rank, torch_threads


@pytest.mark.parametrize(
    ("jobs", "device", "n_gpus", "devices"),
    [
        (None, "cpu", 0, ["cpu"]),
        (None, "cpu", 4, ["cpu"]),
        (3, "cpu", 4, ["cpu"] * 3),
        (None, "cuda", 1, ["cuda:0"]),
        (None, "cuda", 3, ["cuda:0", "cuda:1", "cuda:2"]),
        (2, "cuda", 3, ["cuda:0", "cuda:1"]),
        (5, "cuda", 2, ["cuda:0", "cuda:1", "cuda:0", "cuda:1", "cuda:0"]),
        (None, "cuda:1", 3, ["cuda:1"]),
        (2, "cuda:1", 3, ["cuda:1"] * 2),
        (None, "cuda", 0, ["cuda"]),  # whoever opens it says that there is none
    ],
)
def test_every_gpu_has_a_process(monkeypatch, jobs, device, n_gpus, devices):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n_gpus)
    assert Workers(jobs, device=device).n_processes == n_processes(jobs, device, n_gpus) == len(devices)
    assert [device_of(device, rank, n_gpus) for rank in range(len(devices))] == devices
    assert Workers(jobs, device=device).is_here == (len(devices) == 1)


def test_a_process_knows_its_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert own_device("cuda") == "cuda:0"  # one that is not one of several
    monkeypatch.setattr("pysid.parallel.workers._rank", None)
    set_rank(5)
    assert (own_device("cuda"), own_device("cuda:1"), own_device("cpu")) == ("cuda:2", "cuda:1", "cpu")


def test_workers_of_a_host_have_ranks_of_their_own():
    here = [f"tcp://10.0.0.1:{port}" for port in (9, 80, 4000)]
    there = ["tcp://10.0.0.11:1", "tls://10.0.0.1:2"]
    assert [rank_among(address, [*there, *here]) for address in here] == [0, 1, 2]


def test_a_cluster_never_works_here():
    assert not Workers(cluster="tcp://127.0.0.1:1").is_here


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jobs": 0}, "jobs must be positive, got 0"),
        ({"threads": 0}, "threads must be positive, got 0"),
        ({"jobs": 1, "cluster": "tcp://a:1"}, "a cluster has workers of its own"),
    ],
)
def test_what_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        Workers(**options)


def test_threads_are_put_back():
    before = torch.get_num_threads()
    with pytest.raises(KeyError), torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise KeyError
    assert torch.get_num_threads() == before
