"""Mixtures of Gaussians, posteriors, i-vectors and their training: the commands behind Kaldi's files."""

import re
from pathlib import Path

import numpy as np
import pytest

from pysid.io.ark.archive import read_matrices, read_vectors
from pysid.io.kaldi.files import open_reader
from pysid.ivector.files import (
    parse_diag_gmm,
    parse_extractor,
    parse_extractor_stats,
    parse_full_gmm,
    parse_gmm_stats,
)
from pysid.ivector.gmm_stats import GmmStats
from pysid.kaldi.log import Log
from pysid.kaldi.posterior_holders import POSTERIORS
from pysid.kaldi.stand_ins import PROGRAMS, run_program
from pysid.kaldi.tables import TableReader

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi"
RANDOM = ("gmm-global-init-from-feats", "ivector-extractor-init")
LINES = [line.split("\t") for line in (GOLDEN / "ivector" / "commands.tsv").read_text().splitlines()]
COMMANDS = [
    (path, command)
    for path, command in LINES
    if path.startswith("ivector/") and command.split()[0] not in RANDOM and (GOLDEN / path).exists()
]
assert len(COMMANDS) > 15, "the reference commands are missing"

IDENTICAL = ("ivector/gselect.ark", "ivector/fgselect.ark")


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[path for path, _ in COMMANDS])
def test_gives_kaldis_file(path, command, in_golden, run_command, tmp_path):
    out = tmp_path / path.rpartition("/")[2]
    status, _ = run_command(re.sub(rf"(?<![\w./]){re.escape(path)}(?![\w.])", str(out), command))
    assert status == 0
    if path in IDENTICAL:
        assert out.read_bytes() == (GOLDEN / path).read_bytes()
    elif "post" in path:
        compare_posteriors(posteriors(out), posteriors(GOLDEN / path))
    else:
        ours, reference = parts(out), parts(GOLDEN / path)
        assert list(ours) == list(reference)
        for name, values in reference.items():
            close(ours[name], values, name)


def close(ours, reference, name):
    """1e-4 of the largest of the values that belong together."""
    scale = np.abs(reference).max() if reference.size else 0
    np.testing.assert_allclose(ours, reference, rtol=0, atol=1e-4 * scale, err_msg=name)


def parts(path):
    """The arrays in a file, by name."""
    name = path.name
    if name.endswith(".ark"):
        return dict((read_matrices if name == "feats.ark" else read_vectors)(f"ark:{path}"))
    reader = open_reader(path)
    if ".dubm" in name:
        gmm = parse_diag_gmm(reader)
        return {"weights": gmm.weights, "means": gmm.means_invvars, "variances": gmm.inv_vars, "consts": gmm.gconsts}
    if ".fubm" in name:
        gmm = parse_full_gmm(reader)
        return {"weights": gmm.weights, "means": gmm.means_invcovars, "covars": gmm.inv_covars, "consts": gmm.gconsts}
    if name == "ie.acc":
        return {key: np.asarray(value) for key, value in vars(parse_extractor_stats(reader)).items()}
    if name in ("acc", "facc"):
        stats = parse_gmm_stats(reader)
        assert stats.flags == 7
        return {"occupancy": stats.occupancy, "first": stats.first, "second": stats.second}
    extractor = parse_extractor(reader)
    # The directions of i-vectors' dimensions are eigenvectors, whose signs are anyone's.
    signs = np.sign(extractor.projections[0].sum(axis=0))
    signs[0] = 1
    return {"M": extractor.projections * signs, "inv_covars": extractor.inv_covars, "weights": extractor.weights}


def posteriors(path):
    return dict(TableReader(f"ark:{path}", POSTERIORS, Log("test"), False))


def compare_posteriors(ours, reference):
    """Kaldi sums thousands of terms in float32: its posteriors are up to 2.3e-4 from those in double, ours 3e-5."""
    assert list(ours) == list(reference)
    for key, expected in reference.items():
        np.testing.assert_array_equal(ours[key].counts, expected.counts)
        np.testing.assert_array_equal(ours[key].gaussians, expected.gaussians)
        np.testing.assert_allclose(ours[key].weights, expected.weights, rtol=0, atol=4e-4, err_msg=key)


def test_i_vectors_from_the_models_on(in_golden, run_command, tmp_path):
    """The whole chain of sid/extract_ivectors.sh, none of whose steps starts from Kaldi's own results."""
    gselect = "gmm-gselect --n=5 ivector/2.dubm ark:ivector/feats.ark ark:- |"
    post = "fgmm-global-gselect-to-post --min-post=0.025 ivector/2.fubm ark:ivector/feats.ark ark,s,cs:- ark:- |"
    command = f"{gselect} {post} scale-post ark:- 0.9 ark:{tmp_path}/post"
    assert run_command(command)[0] == 0
    status, _ = run_command(
        f"ivector-extract ivector/1.ie ark:ivector/feats.ark ark:{tmp_path}/post ark:{tmp_path}/vectors"
    )
    assert status == 0
    ours, reference = (dict(read_vectors(f"ark:{p}")) for p in (tmp_path / "vectors", GOLDEN / "ivector/ivectors.ark"))
    for key, vector in reference.items():
        assert np.linalg.norm(ours[key] - vector) < 1e-4 * np.linalg.norm(vector)


def test_one_i_vector_for_a_speaker(in_golden, tmp_path):
    """That of an utterance is the speaker's who has no other; of two the counts add up."""
    keys = [key for key, _ in read_vectors("ark:ivector/ivectors.ark")]
    (tmp_path / "spk2utt").write_text(f"one {keys[0]}\nboth {keys[0]} {keys[1]} absent\nnone absent\n")
    arguments = ["ivector/1.ie", "ark:ivector/feats.ark", "ark:ivector/post.ark", f"ark:{tmp_path}/vectors"]
    assert run_program("ivector-extract", [f"--spk2utt=ark:{tmp_path}/spk2utt", *arguments]) == 0
    ours, single = dict(read_vectors(f"ark:{tmp_path}/vectors")), dict(read_vectors("ark:ivector/ivectors.ark"))
    np.testing.assert_allclose(ours["one"], single[keys[0]], rtol=0, atol=1e-5)
    assert list(ours) == ["one", "both"]


@pytest.mark.parametrize("name", ["acc", "facc"])
def test_sums_of_statistics(name, in_golden, tmp_path):
    program = f"{'f' if name == 'facc' else ''}gmm-global-sum-accs"
    assert run_program(program, [str(tmp_path / "sum"), f"ivector/{name}", f"ivector/{name}"]) == 0
    once, twice = parse_gmm_stats(open_reader(f"ivector/{name}")), parse_gmm_stats(open_reader(tmp_path / "sum"))
    np.testing.assert_allclose(twice.occupancy, 2 * once.occupancy)
    np.testing.assert_allclose(twice.second, 2 * once.second, rtol=1e-6)


def test_sums_of_an_extractors_statistics(in_golden, tmp_path):
    text, binary = str(tmp_path / "text"), str(tmp_path / "binary")
    assert run_program("ivector-extractor-sum-accs", ["--binary=false", "ivector/ie.acc", "ivector/ie.acc", text]) == 0
    assert run_program("ivector-extractor-sum-accs", ["--parallel", "ivector/ie.acc", text, binary]) == 0
    once, thrice = parse_extractor_stats(open_reader("ivector/ie.acc")), parse_extractor_stats(open_reader(binary))
    assert thrice.n_vectors == 3 * once.n_vectors
    np.testing.assert_allclose(thrice.scatter_sum, 3 * once.scatter_sum, rtol=1e-6)
    np.testing.assert_allclose(thrice.features_by_vectors, 3 * once.features_by_vectors, rtol=1e-6)


def test_a_model_trained_from_features(in_golden, tmp_path):
    """Random, so no file of Kaldi's to compare with: EM must not make the likelihood of the features worse."""
    out = str(tmp_path / "dubm")
    options = ["--num-gauss=8", "--num-gauss-init=4", "--num-iters=6", "--min-gaussian-weight=0.0001"]
    assert run_program("gmm-global-init-from-feats", [*options, "ark:ivector/feats.ark", out]) == 0
    gmm = parse_diag_gmm(open_reader(out))
    assert 4 < gmm.n_gaussians <= 8 and gmm.weights.sum() == pytest.approx(1, abs=1e-5)
    likelihoods = []
    for step in range(3):
        stats, model = str(tmp_path / "acc"), str(tmp_path / f"dubm{step}")
        assert run_program("gmm-global-acc-stats", [out, "ark:ivector/feats.ark", stats]) == 0
        likelihoods.append(parse_stats_likelihood(out, stats))
        assert run_program("gmm-global-est", ["--remove-low-count-gaussians=false", out, stats, model]) == 0
        out = model
    assert likelihoods == sorted(likelihoods)


def parse_stats_likelihood(model, stats):
    gmm = parse_diag_gmm(open_reader(model))
    accumulated = parse_gmm_stats(open_reader(stats))
    assert isinstance(accumulated, GmmStats)
    feats = np.concatenate([x for _, x in read_matrices("ark:ivector/feats.ark")])
    table = gmm.log_likelihoods(feats).astype(np.float64)
    return float(np.logaddexp.reduce(table, axis=1).mean())


def test_an_extractor_starts_from_the_mixtures_means(in_golden, tmp_path):
    out = str(tmp_path / "ie")
    assert (
        run_program("ivector-extractor-init", ["--ivector-dim=20", "--use-weights=false", "ivector/2.fubm", out]) == 0
    )
    ours, reference = parse_extractor(open_reader(out)), parse_extractor(open_reader("ivector/0.ie"))
    close(ours.projections[:, :, 0], reference.projections[:, :, 0], "means")
    np.testing.assert_array_equal(ours.inv_covars, reference.inv_covars)
    np.testing.assert_array_equal(ours.weights, reference.weights)
    assert ours.projections[:, :, 1:].std() == pytest.approx(1, rel=0.02)


def test_training_with_weights_that_depend_on_the_i_vector(in_golden, tmp_path):
    """Samples are drawn, so there is no file to compare with; the bound must rise from step to step."""
    model, bounds = "ivector/0w.ie", []
    for step in range(3):
        stats, new = str(tmp_path / "acc"), str(tmp_path / f"ie{step}")
        inputs = ["ark:ivector/feats.ark", "ark:ivector/post.ark"]
        assert run_program("ivector-extractor-acc-stats", [model, *inputs, stats]) == 0
        bounds.append(parse_extractor_stats(open_reader(stats)).auxiliary)
        assert run_program("ivector-extractor-est", ["--gaussian-min-count=20", model, stats, new]) == 0
        model = new
    assert bounds[0] < bounds[1] < bounds[2]


@pytest.mark.parametrize("kind", ["gmm", "fgmm"])
def test_mixing_up(kind, in_golden, tmp_path, capsys):
    name, acc = ("1.dubm", "acc") if kind == "gmm" else ("1.fubm", "facc")
    out = str(tmp_path / "out")
    options = ["--mix-up=20", "--remove-low-count-gaussians=false"]
    assert run_program(f"{kind}-global-est", [*options, f"ivector/{name}", f"ivector/{acc}", out]) == 0
    gmm = (parse_diag_gmm if kind == "gmm" else parse_full_gmm)(open_reader(out))
    assert gmm.n_gaussians == 20 and gmm.weights.sum() == pytest.approx(1, abs=1e-4)


def test_what_is_missing_or_does_not_fit(in_golden, tmp_path, capsys):
    (tmp_path / "gselect").write_text("chirp_with_silence 1 2 ; \n")
    arguments = [f"--gselect=ark:{tmp_path}/gselect", "ivector/1.fubm", "ark:ivector/feats.ark", f"{tmp_path}/acc"]
    assert run_program("fgmm-global-acc-stats", arguments) == 1
    error = capsys.readouterr().err
    assert "gselect information for utterance chirp_with_silence has wrong size 1 vs." in error
    assert "No gselect information for utterance clipped_square" in error
    assert run_program("fgmm-global-copy", ["ivector/1.dubm", f"{tmp_path}/out"]) == 255
    assert "expected the token <FullGMM> or <FullGMMBegin>, got" in capsys.readouterr().err
    assert run_program("gmm-gselect", ["ivector/1.dubm", "ark:feats/mfcc_default.ark", f"ark:{tmp_path}/out"]) == 255
    assert "expected features of 90 dimensions, got (" in capsys.readouterr().err


def test_every_program_is_there():
    assert {command.split()[0] for path, command in LINES if path.startswith("ivector/")} <= set(PROGRAMS)
