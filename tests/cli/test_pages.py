"""The pages of the documentation do what they say: their commands and their Python run, in the order of the page."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["tutorials/podcast.md", "tutorials/research.md", "tutorials/kaldi.md", "how-to/clusterer.md", "tour.md"]
BLOCK = re.compile(r"^```python\n(.*?)^```|^    (pysid (?:[^\n]*\\\n)*[^\n]+)$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the examples, as one is in after unpacking the source."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_page(page, pysid, folder):
    text = (ROOT / "docs" / page).read_text()
    blocks = [(code, command.partition("  #")[0]) for code, command in BLOCK.findall(text)]
    assert blocks
    names: dict[str, object] = {"__name__": page}
    for code, command in blocks:
        if code:
            exec(compile(code, page, "exec"), names)  # our own page
        else:
            outcome = pysid(*shlex.split(command)[1:])
            assert outcome.status == 0, (command, outcome.err)
    written = re.findall(r"\bresults/[\w./-]+\.\w+", text)
    assert [name for name in written if not (folder / name).exists()] == []


FEW_STEPS = ["chunks.chunks_per_epoch=8", "chunks.batch_size=4", "chunks.max_frames=200", "trainer.n_epochs=1"]
FEW_STEPS += ["trainer.n_threads=1", "trainer.n_workers=0"]


def some_voices(examples, folder):
    """Two utterances each of some speakers of the examples: what is slow is to embed them, again and again."""
    source = ROOT / "examples" / examples
    speakers = [line.split()[0] for line in (source / "spk2gender").read_text().splitlines()][:4]
    names = {f"{speaker}-{i}" for speaker in speakers for i in range(2)}
    folder.mkdir()
    (folder / "audio").symlink_to(source / "audio")
    for table in ("wav.scp", "utt2spk", "utt2dur", "trials"):
        if (source / table).exists():
            columns = slice(0, 2 if table == "trials" else 1)
            lines = (source / table).read_text().splitlines(keepends=True)
            (folder / table).write_text("".join(x for x in lines if names.issuperset(x.split()[columns])))


@pytest.mark.slow
def test_the_default_model_learns_on(pysid, folder):
    """The page has no recordings of the reader's own; those of the examples stand for them."""
    (folder / "recipes").symlink_to(ROOT / "recipes")
    (folder / "data").mkdir()
    some_voices("train", folder / "data" / "mine")
    for name in ("mine_dev", "test"):
        some_voices("dev", folder / "data" / name)
    (folder / "exp").mkdir()
    commands = [command for _, command in BLOCK.findall((ROOT / "docs" / "how-to" / "finetune.md").read_text())]
    assert len(commands) == 12
    for command in commands:
        _, *words = shlex.split(command.replace("\\\n", ""))
        if words[0] == "train":
            words += FEW_STEPS
        elif words[0] == "fit-backend":  # what the page says of few recordings
            for option in (
                "--lda-dim",
                "--smoothing",
                "--cosine-weight",
                "--discriminative",
                "--spk2gender",
                "--women-discount",
            ):
                if option in words:
                    at = words.index(option)
                    del words[at : at + 2]
            words += ["--kind", "cosine"]
        outcome = pysid(*words)
        assert outcome.status == 0, (command, outcome.err)
    assert (folder / "exp" / "mine" / "final" / "backend.safetensors").exists()
    assert "exp/mine/final" in outcome.out and "EER" in outcome.out


EXAMPLES = {
    "who_spoke_when.py": (
        ["examples/conversation/meeting.ogg", "results/meeting.html"],
        r"speaker1 spoke for \d+\.\d s, \d+% of the time\n(.|\n)*open results.meeting.html",
    ),
    "find_voice.py": (
        [f"examples/dev/audio/{name}.ogg" for name in ("alicia-0", "alicia-1", "denis-0")],
        r"^ *[\d.]+%  yes  examples/dev/audio/alicia-1.ogg\n *[\d.]+%  no   examples/dev/audio/denis-0.ogg\n$",
    ),
    "compare_backends.py": (
        ["examples/dev"],
        r"^cosine  EER [\d.]+% of 630 trials.*\nplda    EER [\d.]+% of 630 trials",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name, folder):
    arguments, expected = EXAMPLES[name]
    done = subprocess.run(
        [sys.executable, f"examples/{name}", *arguments], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search(expected, done.stdout), done.stdout


def test_each_example_is_run():
    programs = {path.name for path in (ROOT / "examples").glob("*.py") if "import pysid\n" in path.read_text()}
    assert programs == set(EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_without_arguments_says_how_it_is_called(name):
    done = subprocess.run([sys.executable, ROOT / "examples" / name], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and f"python examples/{name} " in done.stderr and "Traceback" not in done.stderr
