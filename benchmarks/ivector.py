"""Speed of i-vectors: `python -m benchmarks.ivector [--gaussians N] [--one-core] [--json PATH]`.

Posteriors, statistics for the background model, and extraction, on synthetic features of the sizes of Kaldi's VoxCeleb
recipe v1 (72 dimensions, i-vectors of 400, 20 Gaussians per frame); compared with Kaldi's programs where they are on
PATH.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.kaldi_programs import BY, on_path, timed
from benchmarks.measure.limits import FLOAT32, FLOAT64
from benchmarks.measure.tasks import Measurement, Task, add_arguments, measure, one_core_limits, report
from pysid.io.ark.archive import ArkWriter
from pysid.io.kaldi.files import new_writer, write_file
from pysid.ivector import Chosen, FullGmm, IvectorExtractor, Posteriors, UtteranceStats, best_gaussians, pruned
from pysid.ivector.files import write_extractor, write_full_gmm
from pysid.ivector.gmm_stats import GmmStats
from pysid.ivector.gmm_update import ALL
from pysid.ivector.ragged import joined
from pysid.kaldi.log import Log
from pysid.kaldi.posterior_holders import CHOSEN, POSTERIORS

DIM, IVECTOR_DIM, N_CHOSEN = 72, 400, 20
N_UTTERANCES, N_FRAMES = 64, 500
LEAST = 0.025


def background(n_gaussians: int) -> FullGmm:
    rng = np.random.default_rng(0)
    factors = 0.1 * rng.normal(size=(n_gaussians, DIM, DIM)) / np.sqrt(DIM)
    covars = np.eye(DIM) + factors @ factors.swapaxes(1, 2)
    return FullGmm.of(np.full(n_gaussians, 1 / n_gaussians), rng.normal(size=(n_gaussians, DIM)), covars)


def extractor(n_gaussians: int) -> IvectorExtractor:
    return IvectorExtractor.start(background(n_gaussians), IVECTOR_DIM, False, np.random.default_rng(1))


def features(n_gaussians: int) -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    means = background(n_gaussians).means
    return [
        (means[rng.integers(0, n_gaussians, N_FRAMES)] + rng.normal(size=(N_FRAMES, DIM))).astype(np.float32)
        for _ in range(N_UTTERANCES)
    ]


def chosen(n_gaussians: int) -> list[Chosen]:
    diag = background(n_gaussians).to_diag()
    return [best_gaussians(diag.log_likelihoods(x), N_CHOSEN)[0] for x in features(n_gaussians)]


def posteriors(n_gaussians: int) -> list[Posteriors]:
    gmm = background(n_gaussians)
    pairs = zip(features(n_gaussians), chosen(n_gaussians), strict=True)
    return [pruned(gmm.log_likelihoods_of(x, few), few, LEAST)[0] for x, few in pairs]


def make_posteriors(n_gaussians: int) -> Callable[[], object]:
    gmm, x, few = background(n_gaussians), np.concatenate(features(n_gaussians)), joined(chosen(n_gaussians))
    _ = gmm.gconsts
    return lambda: pruned(gmm.log_likelihoods_of(x, few), few, LEAST)


def make_statistics(n_gaussians: int) -> Callable[[], object]:
    gmm, x, few = background(n_gaussians), np.concatenate(features(n_gaussians)), joined(chosen(n_gaussians))
    stats = GmmStats.zeros(gmm, ALL)
    _ = gmm.gconsts
    return lambda: stats.add(x, pruned(gmm.log_likelihoods_of(x, few), few)[0])


def make_vectors(n_gaussians: int) -> Callable[[], object]:
    model, x, few = extractor(n_gaussians), features(n_gaussians), posteriors(n_gaussians)
    _ = model.precisions
    return lambda: model.extract(UtteranceStats.of(n_gaussians, x, few))


def make_ready(n_gaussians: int) -> Callable[[], object]:
    model = extractor(n_gaussians)
    return lambda: model.precisions


def tasks(n: int) -> list[Task]:
    pairs = N_UTTERANCES * N_FRAMES * N_CHOSEN
    packed = IVECTOR_DIM * (IVECTOR_DIM + 1) / 2
    extraction = N_UTTERANCES * (2 * n * packed + 2 * n * DIM * IVECTOR_DIM + 2 / 3 * IVECTOR_DIM**3)
    ready = 2.0 * n * (DIM * DIM * IVECTOR_DIM + DIM * packed)
    frames, args = N_UTTERANCES * N_FRAMES, (n,)
    what = f"{n:,} Gaussians"
    return [
        Task(f"posteriors, {what}", "pysid", frames, "frames", 2.0 * pairs * DIM**2, FLOAT32, make_posteriors, args),
        Task(f"statistics, {what}", "pysid", frames, "frames", 4.0 * pairs * DIM**2, FLOAT32, make_statistics, args),
        Task(f"i-vectors, {what}", "pysid", N_UTTERANCES, "utterances", extraction, FLOAT64, make_vectors, args),
        Task(f"making an extractor ready, {what}", "pysid", n, "Gaussians", ready, FLOAT64, make_ready, args),
    ]


def kaldis(n: int) -> list[Measurement]:
    """The same by Kaldi's programs; for i-vectors, minus the time of one utterance, which mostly reads the model."""
    programs = ("fgmm-global-gselect-to-post", "fgmm-global-acc-stats", "ivector-extract")
    if not on_path(*programs):
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model, write in ((background(n), write_full_gmm), (extractor(n), write_extractor)):
            writer = new_writer()
            write(writer, model)  # type: ignore[operator]
            write_file(writer, folder / ("ubm" if write is write_full_gmm else "ie"))
        _write_tables(folder, n)
        x, gselect, post = (f"ark:{folder}/{table}" for table in ("x.ark", "gselect", "post"))
        frames = N_UTTERANCES * N_FRAMES
        to_post = [programs[0], f"--min-post={LEAST}", f"{folder}/ubm", x, gselect, f"ark:{folder}/out"]
        acc = [programs[1], f"--gselect={gselect}", f"{folder}/ubm", x, f"{folder}/acc"]
        extract = [programs[2], f"{folder}/ie", x, post, f"ark:{folder}/out"]
        one = [programs[2], f"{folder}/ie", f"ark:{folder}/first.ark", *extract[3:]]
        what = f"{n:,} Gaussians"
        ready = timed(one, f"making an extractor ready, {what}", n, "Gaussians")
        vectors = timed(extract, f"i-vectors, {what}", N_UTTERANCES - 1, "utterances")
        return [
            timed(to_post, f"posteriors, {what}", frames, "frames"),
            timed(acc, f"statistics, {what}", frames, "frames"),
            replace(vectors, one_core_s=vectors.one_core_s - ready.one_core_s),
            replace(ready, remark=f"{BY}'s with an i-vector"),
        ]


def _write_tables(folder: Path, n: int) -> None:
    keys = [f"u{i:04d}" for i in range(N_UTTERANCES)]
    for name, n_first in (("x", N_UTTERANCES), ("first", 1)):
        with ArkWriter(folder / name) as writer:
            for key, x in zip(keys[:n_first], features(n), strict=False):
                writer.write(key, x)
    for name, holder, values in (("gselect", CHOSEN, chosen(n)), ("post", POSTERIORS, posteriors(n))):
        put = partial(holder.write, binary=True, log=Log("benchmark"))  # type: ignore[arg-type]
        records = [key.encode() + b" " + put(value) for key, value in zip(keys, values, strict=True)]
        (folder / name).write_bytes(b"".join(records))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ivector", description=__doc__)
    parser.add_argument("--gaussians", type=int, default=2048, help="of the background model (default: %(default)s)")
    add_arguments(parser)
    arguments = parser.parse_args()
    limits = one_core_limits()
    measurements = [measure(task, limits, not arguments.one_core) for task in tasks(arguments.gaussians)]
    report(arguments, limits, measurements + kaldis(arguments.gaussians))


if __name__ == "__main__":
    main()
