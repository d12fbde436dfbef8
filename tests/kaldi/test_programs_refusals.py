"""What stand-ins say of options and inputs that they cannot work with, in one line, with Kaldi's status."""

import shlex
from pathlib import Path

import pytest

from pysid.kaldi.stand_ins import run_program

PLDA = Path(__file__).parents[1] / "golden" / "kaldi" / "backend" / "plda"

TONE = PLDA.parents[1] / "audio" / "flite_slt_1.wav"

FILES = {
    "none": "",
    "vectors": "u [ 1 2 ]\nv [ 3 4 ]\n",
    "twice": "u [ 1 2 ]\nu [ 3 4 ]\n",
    "features": "u  [\n  1 2\n  3 4 ]\n",
    "of-two-widths": "u  [\n  1 2 ]\nv  [\n  1 ]\n",
    "no-frames": "u  [ ]\n",
    "matrix": " [\n  1 2 ]\n",
    "no-rows": " [ ]\n",
    "speakers": "a x y\n",
    "speakers-of": "u a\nv b\n",
    "trials": "u v\n",
    "classes": "7 1\n",
    "targets": "1.5 target\n",
    "waves": f"u {TONE}\n",
}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("copy-feats --compress=true matrix out", "--compress and --write-num-frames are for tables, not for single"),
        ("copy-feats --=1 ark:features ark:out", "Invalid option (no key): --=1"),
        ("copy-feats --binary= matrix out", "Invalid option --binary="),
        ("copy-matrix --apply-log --apply-exp matrix out", "Only one of apply-log, apply-exp and apply-softmax"),
        ("feat-to-dim ark:none -", "Could not read any features (empty archive?)"),
        ("add-deltas --truncate=9 ark:features ark:out", "u: Cannot truncate features of dimension 2 to 9"),
        ("shift-feats no-rows out", "Empty input matrix"),
        ("splice-feats ark:no-frames ark:out", "u: SpliceFrames: empty input"),
        ("matrix-sum --scale1=2 matrix out", "--scale1 and --scale2 are for sums of tables"),
        (
            "compute-vad-from-frame-likes --map=classes ark:vectors ark:vectors ark:out",
            "classes: expected classes in [0, 2)",
        ),
        (
            "compute-vad-from-frame-likes --priors=a,b ark:vectors ark:vectors ark:out",
            "--priors: expected numbers separated by commas, got 'a,b'",
        ),
        ("gmm-global-init-from-feats ark:none out", "ark:none: expected features, got none"),
        (
            "gmm-global-init-from-feats ark:of-two-widths out",
            "Features have inconsistent dims 1 vs. 2 (current utt is) v",
        ),
        ("scale-post ark:none half ark:out", "Bad second argument half (expected scale or scale rspecifier)"),
        ("ivector-mean ark:none out", "No iVectors read"),
        ("est-pca ark:none out", "No data accumulated."),
        ("ivector-compute-lda --dim=1 ark:none ark:speakers-of out", "Did not read any utterances."),
        ("ivector-compute-plda ark:speakers ark:none out", "No stats accumulated, unable to estimate PLDA."),
        ("ivector-adapt-plda PLDA ark:none out", "expected vectors to adapt to, got none"),
        ("ivector-plda-scoring PLDA ark:vectors ark:none trials out", "No test iVectors present."),
        (
            "ivector-plda-scoring --num-utts=ark:none PLDA ark:vectors ark:vectors trials out",
            "No training iVectors present.",
        ),
        (
            "ivector-plda-scoring PLDA ark:twice ark:vectors trials out",
            "Duplicate training iVector found for speaker u",
        ),
        (
            "ivector-plda-scoring-dense PLDA ark:speakers ark:vectors ark:out",
            "No iVector present in input for utterance x",
        ),
        ("compute-eer targets", "No non-target scores seen."),
        ("wav-reverberate --duration=1e38 TONE out", "a number is too large: "),
        ("compute-mfcc-feats --frame-length=1e14 scp:waves ark:out", "window_ms and shift_ms must be at most 60000"),
    ],
    ids=lambda text: text.split()[0],
)
def test_refusals(command, message, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).write_text(text)
    program, *words = shlex.split(command.replace("PLDA", str(PLDA)).replace("TONE", str(TONE)))
    status = run_program(program, words)
    lines = capfd.readouterr().err.splitlines()
    assert status not in (0, None) and any(message in line for line in lines), lines
    assert not any("Traceback" in line for line in lines)


def test_too_little_memory(tmp_path, monkeypatch, capfd):
    def full(*arguments, **options):
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr("pysid.metrics.detection.equal_error_rate", full)
    (tmp_path / "scores").write_text("1 target\n0 nontarget\n")
    assert run_program("compute-eer", [str(tmp_path / "scores")]) == 255
    assert capfd.readouterr().err.splitlines()[-1].endswith("there is not enough memory: Unable to allocate 9 TiB")
