"""`pysid prepare commonvoice`; the splitting is tested with `pysid.data.corpora.commonvoice`."""

import pytest

from pysid.data.corpus import Corpus


@pytest.fixture
def release(tmp_path):
    """Four contributors of three clips each."""
    clips = tmp_path / "fr" / "clips"
    clips.mkdir(parents=True)
    lines = ["client_id\tpath\tgender"]
    for c in "abcd":
        for i in range(3):
            (clips / f"{c}{i}.mp3").touch()
            lines.append(f"{c}\t{c}{i}.mp3\tfemale")
    (tmp_path / "fr" / "validated.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path / "fr"


OPTIONS = ("--dev-speakers", 2, "--min-dev-clips", 2)


def test_good(pysid, release, tmp_path):
    outcome = pysid("prepare", "commonvoice", release, tmp_path / "data", *OPTIONS, "--max-clips", 2)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [f"{tmp_path}/data/{x}: 2 speakers, 4 clips" for x in ("train", "dev")]
    for name in ("train", "dev"):
        assert pysid("validate", tmp_path / "data" / name).status == 0
        assert len(Corpus.read(tmp_path / "data" / name)) == 4


def test_missing_clips_are_a_warning(pysid, release, tmp_path):
    (release / "clips" / "a0.mp3").unlink()
    outcome = pysid("prepare", "commonvoice", release, tmp_path / "data", *OPTIONS)
    assert outcome.status == 0
    assert outcome.err == f"pysid: warning: {release}/clips: 1 of 12 clips are not there; the first is a0.mp3\n"


def test_bad_input(pysid, release, tmp_path):
    def error(*arguments):
        message = pysid("prepare", "commonvoice", *arguments).error
        assert not (tmp_path / "data").exists()
        return message

    out = tmp_path / "data"
    assert error(tmp_path / "none", out).startswith(f"{tmp_path}/none/validated.tsv: not found")
    assert error(release, out, "--tsv", "other").startswith(f"{release}/other.tsv: not found")
    assert error(release, out) == (
        f"{release}: 0 of 4 speakers have 5 clips or more, fewer than the 40 wanted for development"
    )
    with (release / "validated.tsv").open("a") as file:
        file.write("e\n")
    assert error(release, out, *OPTIONS) == (
        f"{release}/validated.tsv:14: expected a client_id and a path, got 'e' and None"
    )


@pytest.mark.parametrize(
    "option",
    [
        "--dev-speakers=-1",
        "--dev-speakers=1",
        "--max-clips=1",
        "--min-dev-clips=1",
        "--seed=-1",
        "--nontarget-trials=0",
    ],
)
def test_wrong_usage(pysid, release, tmp_path, option):
    assert pysid("prepare", "commonvoice", release, tmp_path / "data", option).status == 2
    assert not (tmp_path / "data").exists()
