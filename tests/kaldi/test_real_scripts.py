"""Kaldi's own scripts on the stand-ins, where the environment variable KALDI_ROOT names a checkout of Kaldi.

No programs of Kaldi's are needed, and of its files only egs/{voxceleb,sre08,callhome_diarization,wsj/s5/{utils,steps}}.
"""

import os
import shutil
import subprocess
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest

from pysid.io.ark.archive import read_matrices, read_vectors
from pysid.kaldi.stand_ins import install_shims
from pysid.metrics import equal_error_rate

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi"
KALDI_ROOT = os.environ.get("KALDI_ROOT", "")
EGS = Path(KALDI_ROOT) / "egs"
FOLDERS = {
    "steps": EGS / "wsj/s5/steps",
    "utils": EGS / "wsj/s5/utils",
    "sid": EGS / "sre08/v1/sid",
    "local": EGS / "voxceleb/v1/local",
    "diarization": EGS / "callhome_diarization/v1/diarization",
}

pytestmark = [
    pytest.mark.skipif(not KALDI_ROOT, reason="KALDI_ROOT does not name a checkout of Kaldi"),
    pytest.mark.skipif(not shutil.which("perl"), reason="Kaldi's scripts need perl"),
]

RECORDINGS = sorted(path for path in (GOLDEN / "audio").glob("*_[12].wav"))
assert len(RECORDINGS) > 10, "the reference recordings are missing"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder as those of Kaldi's recipes, with a data directory of two recordings each of some voices."""
    folder = tmp_path_factory.mktemp("recipe")
    for name, place in FOLDERS.items():
        assert place.is_dir(), f"{place} is missing in {KALDI_ROOT}"
        (folder / name).symlink_to(place)
    install_shims(folder / "programs", every=True)
    (folder / "path.sh").write_text(
        f"export LC_ALL=C PYSID_ALLOW_PIPES=1 PATH={folder}/programs:{folder}/utils:$PATH\n"
    )
    (folder / "conf").mkdir()
    shutil.copy(GOLDEN / "feats/mfcc_voxceleb.conf", folder / "conf/mfcc.conf")
    (folder / "conf/mfcc.conf").open("a").write("--dither=0\n")
    shutil.copy(GOLDEN / "feats/vad.conf", folder / "conf/vad.conf")
    train, noise = folder / "data/train", folder / "data/noise"
    train.mkdir(parents=True)
    noise.mkdir()
    names = [path.stem for path in RECORDINGS]
    lines = zip(names, RECORDINGS, strict=True)
    (train / "wav.scp").write_text("".join(f"{name} {path}\n" for name, path in lines))
    (train / "utt2spk").write_text("".join(f"{name} {name[:-2]}\n" for name in names))
    (noise / "wav.scp").write_text(f"white {GOLDEN}/audio/noise_white.wav\nsine {GOLDEN}/audio/clipped_square.wav\n")
    (noise / "utt2spk").write_text("white noise\nsine noise\n")
    (folder / "rirs").write_text(f"--rir-id 1 --room-id 1 {GOLDEN}/augment/rir.wav\n")
    network = folder / "exp/xvector"
    network.mkdir(parents=True)
    shutil.copy(GOLDEN / "nnet3/small.raw", network / "final.raw")
    shutil.copy(GOLDEN / "nnet3/extract.config", network / "extract.config")
    (network / "min_chunk_size").write_text("25\n")
    (network / "max_chunk_size").write_text("10000\n")
    return folder


@pytest.fixture(scope="module")
def run(folder):
    """Runs lines of a recipe."""

    def run(script):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        script = f"set -euo pipefail\n. ./path.sh\n{script}"
        done = subprocess.run(
            ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        logs = [path.read_text() for path in folder.glob("exp/**/*.log") if "ERROR" in path.read_text()]
        assert done.returncode == 0, "\n".join([done.stdout[-2000:], done.stderr[-3000:], *logs[:3]])
        return done.stdout

    return run


@pytest.fixture(scope="module")
def features(folder, run):
    """Data preparation, MFCCs and VAD."""
    run(
        """
        for name in train noise; do
          utils/utt2spk_to_spk2utt.pl data/$name/utt2spk > data/$name/spk2utt
          utils/fix_data_dir.sh data/$name
        done
        utils/validate_data_dir.sh --no-text --no-feats data/train
        steps/make_mfcc.sh --write-utt2num-frames true --mfcc-config conf/mfcc.conf --nj 2 --cmd utils/run.pl \
          data/train exp/make_mfcc exp/mfcc
        utils/fix_data_dir.sh data/train
        sid/compute_vad_decision.sh --nj 2 --cmd utils/run.pl data/train exp/make_vad exp/vad
        utils/fix_data_dir.sh data/train
        """
    )
    return folder / "data/train"


@pytest.fixture(scope="module")
def xvectors(folder, features, run):
    run("sid/nnet3/xvector/extract_xvectors.sh --cmd utils/run.pl --nj 1 exp/xvector data/train exp/xvectors_train")
    return vectors(folder, "exp/xvectors_train/xvector.scp")


def vectors(folder, scp):
    """Those of a list whose files are named from the recipe's folder."""
    with chdir(folder):
        return dict(read_vectors(f"scp:{scp}"))


def matrices(folder, scp):
    with chdir(folder):
        return dict(read_matrices(f"scp:{scp}"))


def test_features_and_decisions(folder, features):
    found = {key: len(matrix) for key, matrix in matrices(folder, "data/train/feats.scp").items()}
    expected = {key: len(matrix) for key, matrix in read_matrices(f"ark:{GOLDEN}/feats/mfcc_voxceleb.ark")}
    assert found == {path.stem: expected[path.stem] for path in RECORDINGS}
    voiced = vectors(folder, "data/train/vad.scp")
    reference = dict(read_vectors(f"ark:{GOLDEN}/feats/vad.ark"))
    for key, decisions in voiced.items():  # here of features rounded to a byte, there of exact ones
        assert (decisions == reference[key]).mean() > 0.99


def test_augmented_copies_by_pipes(folder, features, run):
    run(
        """
        awk '{print $1, $2}' data/train/utt2dur > data/train/reco2dur
        utils/data/get_utt2dur.sh data/noise
        mv data/noise/utt2dur data/noise/reco2dur
        steps/data/augment_data_dir.py --utt-suffix noise --fg-interval 1 --fg-snrs 15:10:5:0 \
          --fg-noise-dir data/noise data/train data/train_noise
        steps/data/augment_data_dir.py --utt-suffix babble --bg-snrs 20:17 --num-bg-noises 2 \
          --bg-noise-dir data/noise data/train data/train_babble
        steps/data/reverberate_data_dir.py --rir-set-parameters 1.0,rirs --speech-rvb-probability 1 \
          --pointsource-noise-addition-probability 0 --isotropic-noise-addition-probability 0 --num-replications 1 \
          --source-sampling-rate 16000 data/train data/train_reverb
        utils/copy_data_dir.sh --utt-suffix -reverb data/train_reverb data/train_room
        utils/combine_data.sh data/train_aug data/train_noise data/train_babble data/train_room
        utils/subset_data_dir.sh data/train_aug 9 data/train_few
        utils/fix_data_dir.sh data/train_few
        steps/make_mfcc.sh --mfcc-config conf/mfcc.conf --nj 1 --cmd utils/run.pl data/train_few exp/make_mfcc exp/mfcc
        """
    )
    copies = matrices(folder, "data/train_few/feats.scp")
    clean = matrices(folder, "data/train/feats.scp")
    assert len(copies) == 9
    for key, matrix in copies.items():
        original = clean[key.rpartition("-")[0].removeprefix("rvb1-")]
        assert matrix.shape == original.shape and np.abs(matrix - original).max() > 1


def test_xvectors_and_plda_scores(folder, xvectors, run):
    reference = dict(read_vectors(f"ark:{GOLDEN}/nnet3/xvectors.ark"))
    for key, vector in xvectors.items():
        similarity = vector @ reference[key] / np.linalg.norm(vector) / np.linalg.norm(reference[key])
        assert similarity > 0.99
    run(  # halves: LDA needs more x-vectors than they have dimensions
        """
        awk '{print $1 "-a", $1, 0, $2 / 2; print $1 "-b", $1, $2 / 2, $2}' data/train/utt2dur > data/halves_of_train
        utils/data/subsegment_data_dir.sh data/train data/halves_of_train data/halves
        sid/compute_vad_decision.sh --nj 1 --cmd utils/run.pl data/halves exp/make_vad exp/vad
        utils/fix_data_dir.sh data/halves
        sid/nnet3/xvector/extract_xvectors.sh --cmd utils/run.pl --nj 1 exp/xvector data/halves exp/xvectors_halves
        """
    )
    names = sorted(vectors(folder, "exp/xvectors_halves/xvector.scp"))
    assert len(names) == 2 * len(RECORDINGS)
    trials = [(a, b, "target" if a[:-4] == b[:-4] else "nontarget") for a in names for b in names if a < b]
    (folder / "data/trials").write_text("".join(f"{' '.join(trial)}\n" for trial in trials))
    printed = run(
        """
        dir=exp/xvectors_halves
        ivector-mean scp:$dir/xvector.scp $dir/mean.vec
        ivector-compute-lda --total-covariance-factor=0.0 --dim=4 \
          "ark:ivector-subtract-global-mean scp:$dir/xvector.scp ark:- |" ark:data/halves/utt2spk $dir/transform.mat
        vectors="ark:ivector-subtract-global-mean $dir/mean.vec scp:$dir/xvector.scp ark:- | \
          transform-vec $dir/transform.mat ark:- ark:- | ivector-normalize-length ark:- ark:- |"
        ivector-compute-plda ark:data/halves/spk2utt "$vectors" $dir/plda
        ivector-plda-scoring --normalize-length=true "ivector-copy-plda --smoothing=0.0 $dir/plda - |" \
          "$vectors" "$vectors" "cat data/trials | cut -d' ' -f 1,2 |" exp/scores
        compute-eer <(local/prepare_for_eer.py data/trials exp/scores) && echo
        sid/compute_min_dcf.py --p-target 0.01 exp/scores data/trials
        """
    )
    scores = [float(line.split()[2]) for line in (folder / "exp/scores").read_text().splitlines()]
    targets = np.array([kind == "target" for *_, kind in trials])
    ours, _ = equal_error_rate(np.array(scores)[targets], np.array(scores)[~targets])
    eer, dcf = (float(line) for line in printed.split()[-2:])
    assert eer == pytest.approx(100 * ours, rel=1e-3)
    assert 0 <= dcf <= 1


def test_clustering(folder, features, xvectors, run):
    """Each recording has one speaker: the number is given, and the turns must cover the segments."""
    durations = dict(line.split() for line in (folder / "data/train/utt2dur").read_text().splitlines())
    data = folder / "data/meeting"
    data.mkdir()
    names = sorted(durations)[:4]
    (data / "wav.scp").write_text("".join(f"{name} {GOLDEN}/audio/{name}.wav\n" for name in names))
    segments = [(f"{name}-0", name, 0.0, float(durations[name]) - 0.05) for name in names]
    (data / "segments").write_text("".join(f"{s} {r} {a:.2f} {b:.2f}\n" for s, r, a, b in segments))
    for table in ("utt2spk", "spk2utt"):
        pairs = [(s, r) if table == "utt2spk" else (r, s) for s, r, *_ in segments]
        (data / table).write_text("".join(f"{a} {b}\n" for a, b in pairs))
    (folder / "reco2num_spk").write_text("".join(f"{name} 1\n" for name in names))
    run(
        """
        steps/make_mfcc.sh --mfcc-config conf/mfcc.conf --nj 1 --cmd utils/run.pl data/meeting exp/make_mfcc exp/mfcc
        utils/fix_data_dir.sh data/meeting
        diarization/nnet3/xvector/extract_xvectors.sh --cmd utils/run.pl --nj 1 --window 1.5 --period 0.75 \
          --min-segment 0.5 exp/xvector data/meeting exp/xvectors_meeting
        ivector-compute-plda ark:exp/xvectors_meeting/spk2utt "ark:ivector-subtract-global-mean \
          scp:exp/xvectors_meeting/xvector.scp ark:- | transform-vec exp/xvectors_meeting/transform.mat ark:- ark:- | \
          ivector-normalize-length ark:- ark:- |" exp/xvectors_meeting/plda || cp exp/plda exp/xvectors_meeting/plda
        diarization/nnet3/xvector/score_plda.sh --cmd utils/run.pl --nj 1 --target-energy 0.9 exp/xvectors_meeting \
          exp/xvectors_meeting exp/xvectors_meeting/plda_scores
        diarization/cluster.sh --cmd utils/run.pl --nj 1 --reco2num-spk reco2num_spk \
          exp/xvectors_meeting/plda_scores exp/xvectors_meeting/clusters
        """
    )
    turns = [line.split() for line in (folder / "exp/xvectors_meeting/clusters/rttm").read_text().splitlines()]
    assert [turn[1] for turn in turns] == names
    for turn, (_, _, start, end) in zip(turns, segments, strict=True):
        assert float(turn[3]) == pytest.approx(start, abs=0.02) and float(turn[4]) == pytest.approx(end, abs=0.8)


def test_i_vectors(folder, features, run):
    """The scripts that the recipe v1 is made of: background model, extractor, i-vectors."""
    run(
        """
        sid/train_diag_ubm.sh --cmd utils/run.pl --nj 2 --num-threads 1 --num-iters 2 --num-iters-init 4 \
          --num-gselect 4 --subsample 1 data/train 8 exp/diag_ubm
        sid/train_full_ubm.sh --cmd utils/run.pl --nj 2 --num-iters 2 --num-gselect 4 --subsample 1 \
          --remove-low-count-gaussians false data/train exp/diag_ubm exp/full_ubm
        sid/train_ivector_extractor.sh --cmd utils/run.pl --nj 1 --num-threads 1 --num-processes 2 --num-gselect 4 \
          --ivector-dim 6 --num-iters 2 exp/full_ubm/final.ubm data/train exp/extractor
        sid/extract_ivectors.sh --cmd utils/run.pl --nj 2 --num-gselect 4 exp/extractor data/train exp/ivectors_train
        """
    )
    found = vectors(folder, "exp/ivectors_train/ivector.scp")
    assert sorted(found) == sorted(path.stem for path in RECORDINGS)
    table = np.stack(list(found.values()))
    assert table.shape[1] == 6 and np.isfinite(table).all()
    means = vectors(folder, "exp/ivectors_train/spk_ivector.scp")
    assert len(means) == len(RECORDINGS) // 2
    assert all(np.linalg.norm(mean) == pytest.approx(np.sqrt(6), rel=1e-4) for mean in means.values())
