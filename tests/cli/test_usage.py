"""Options that do not go together: status 2, what is wrong, and no file opened before that is said."""

import pytest

WRONG = [
    ("diarize", "give recordings"),
    ("diarize a.wav --threshold 1 --clustering vbx", "--threshold is for --clustering ahc, linkage and centroid"),
    ("diarize a.wav --segmentation pyannote --vad energy", "the network finds speech itself"),
    ("diarize a.wav --speech a.rttm --vad webrtc", "give --speech or --vad"),
    ("diarize a.wav --prior 0.1", "--prior, --c-miss, --c-fa and --name-threshold go with --db"),
    ("diarize a.wav --c-fa 10", "--c-fa and --name-threshold go with --db"),
    ("diarize a.wav --c-miss 10", "--c-fa and --name-threshold go with --db"),
    ("diarize a.wav --name-threshold 0", "--c-fa and --name-threshold go with --db"),
    ("diarize a.wav --db a.db --name-threshold 3 --c-fa 10", "give a threshold, or --c-miss and --c-fa"),
    ("verify a.wav b.wav --backend cosine --threshold 0.3 --c-fa 10", "give a threshold, or --c-miss and --c-fa"),
    ("identify --db a.db a.wav --threshold 3 --c-miss 10", "give a threshold, or --c-miss and --c-fa"),
    ("diarize a.wav --num-speakers 2 --max-speakers 3", "give --num-speakers, or bounds, not both"),
    ("diarize a.wav --min-speakers 3 --max-speakers 2", "--max-speakers 2 is less than --min-speakers 3"),
    ("diarize a.wav --quiet --verbose", "--quiet and --verbose exclude each other"),
    ("verify a.wav", "give two recordings, or say with --test which to check"),
    ("enroll --db a.db ann --from a.json", "give --from and --speaker together"),
    ("enroll --db a.db ann", "give recordings of the speaker, or --from and --speaker"),
    ("embed a.wav a.npz --shift 1", "--shift needs a --window"),
    ("features data out --stored --channel 1", "--channel is for recordings, and --stored starts from features"),
    ("score trials wav.scp scores --calibrate --cohort a.npz", "--calibrate is for scores without a --cohort"),
    ("fit-backend model ark:a utt2spk --calibration-trials t", "--calibration-embeddings go together"),
    ("compare default default --data d --trials t", "a model is named twice"),
    ("compare default --data d", "give --trials or --rttm, one of the two"),
    ("compare default --data d --trials t --collar 1", "--uem, --collar and --vad go with --rttm"),
    ("compare default --data d --rttm r --det d.svg", "--det and --backend go with --trials"),
    ("compare default --data d --trials t --det d.gif", "expected a name that ends in .png, .svg, .pdf, got 'd.gif'"),
    ("eval eer trials scores --det d.gif", "expected a name that ends in .png, .svg, .pdf, got 'd.gif'"),
    ("compare default --data d --rttm r --vad none", "expected energy, adaptive, webrtc or silero, got 'none'"),
]


@pytest.mark.parametrize(("command", "says"), WRONG, ids=[command for command, _ in WRONG])
def test_wrong_usage(command, says, pysid, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = pysid(*command.split())
    words = " ".join(outcome.err.replace("│", " ").split())
    assert outcome.status == 2 and says in words, outcome.err
    assert list(tmp_path.iterdir()) == []
