"""Configurations to and from plain values: nothing is guessed, and every message names the key."""

import json
import re
from dataclasses import dataclass, field
from typing import Literal

import pytest
import yaml

from pysid.config import Origin, from_plain, override, read_config, read_plain, to_plain
from pysid.errors import DataError
from pysid.frontend import VOXCELEB
from pysid.model.config import ModelConfig
from pysid.training.embedding.chunks import ChunkConfig
from pysid.training.embedding.run import TrainConfig


@dataclass(frozen=True)
class Sine:
    kind: Literal["sine"] = "sine"
    hz: float = 440.0


@dataclass(frozen=True)
class Noise:
    kind: Literal["noise"] = "noise"
    colours: tuple[str, ...] = ("white",)


@dataclass(frozen=True)
class Tone:
    name: str
    n: int = 1
    loud: bool = False
    scale: float = 1.0
    mode: Literal["fast", "slow"] = "fast"
    pair: tuple[int, float] = (1, 2.0)
    source: Sine | Noise = field(default_factory=Sine)
    extra: Sine | None = None

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n must be positive, got {self.n}")


@pytest.mark.parametrize(
    "config",
    [
        Tone("a"),
        Tone("b", 2, True, 0.5, "slow", (3, 4.5), Noise(colours=("pink", "brown")), Sine(hz=1.0)),
        ModelConfig(VOXCELEB),
        TrainConfig("train", "out", frontend=VOXCELEB),
    ],
    ids=lambda x: type(x).__name__,
)
def test_there_and_back(config):
    plain = json.loads(json.dumps(to_plain(config)))
    assert from_plain(type(config), plain, "x") == config


def test_values_that_mean_the_same():
    tone = from_plain(Tone, {"name": "a", "scale": 2, "pair": [1, 2]}, "x")
    assert isinstance(tone.scale, float) and isinstance(tone.pair[1], float) and isinstance(tone.pair, tuple)
    assert from_plain(Tone, {"name": "a", "scale": "1e-3"}, "x").scale == 0.001  # how YAML 1.1 reads it


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({}, "missing key 'name'"),
        ({"name": "a", "m": 1}, "unknown key 'm'; known here: name, n, loud, scale, mode, pair, source, extra"),
        ({"name": 1}, "'name' must be text, got 1"),
        ({"name": None}, "'name' must be text, got None"),
        ({"name": "a", "n": 1.5}, "'n' must be a whole number, got 1.5"),
        ({"name": "a", "n": "3"}, "'n' must be a whole number, got '3'"),
        ({"name": "a", "n": True}, "'n' must be a whole number, got True"),
        ({"name": "a", "n": 0}, "n must be positive, got 0"),
        ({"name": "a", "loud": 1}, "'loud' must be true or false, got 1"),
        ({"name": "a", "scale": "big"}, "'scale' must be a number, got 'big'"),
        ({"name": "a", "scale": float("nan")}, "'scale' must be a number, got nan"),
        ({"name": "a", "scale": "nan"}, "'scale' must be a number, got 'nan'"),
        ({"name": "a", "scale": False}, "'scale' must be a number, got False"),
        ({"name": "a", "mode": "medium"}, "'mode' must be one of fast, slow, got 'medium'"),
        ({"name": "a", "mode": ["fast"]}, "'mode' must be one of fast, slow, got ['fast']"),
        ({"name": "a", "pair": 3}, "'pair' must be a list, got 3"),
        ({"name": "a", "pair": [1]}, "'pair' must be a list of 2, got [1]"),
        ({"name": "a", "pair": [1, "x"]}, "'pair[1]' must be a number, got 'x'"),
        ({"name": "a", "source": 3}, "'source' must be a group of settings, got 3"),
        ({"name": "a", "source": {"kind": "saw"}}, "'source.kind' must be one of sine, noise, got 'saw'"),
        ({"name": "a", "source": {"kind": ["sine"]}}, "'source.kind' must be one of sine, noise, got ['sine']"),
        (
            {"name": "a", "source": {"kind": "noise", "hz": 3}},
            "unknown key 'source.hz'; known here: kind, colours; source.kind=sine has it",
        ),
        ({"name": "a", "source": {"kind": "noise", "colours": [1]}}, "'source.colours[0]' must be text, got 1"),
        ({"name": "a", "extra": {"hz": "low"}}, "'extra.hz' must be a number, got 'low'"),
        ([], "expected a group of settings"),
    ],
)
def test_wrong_values(plain, message):
    with pytest.raises(DataError) as error:
        from_plain(Tone, plain, "conf.yaml")
    assert str(error.value) == f"conf.yaml: {message}"


def test_members_of_a_union_are_told_apart_by_their_kind():
    assert from_plain(Tone, {"name": "a", "source": {"kind": "noise"}}, "x").source == Noise()
    assert from_plain(Tone, {"name": "a", "source": {}}, "x").source == Sine()
    assert from_plain(Tone, {"name": "a", "extra": None}, "x").extra is None


def test_another_kind_is_not_chosen_by_its_keys():
    with pytest.raises(DataError) as error:
        from_plain(Tone, {"name": "a", "source": {"colours": ["red"]}}, "conf.yaml")
    what = "conf.yaml: unknown key 'source.colours'; known here: kind, hz"
    assert str(error.value) == f"{what}; for another kind, set source.kind to sine or noise"


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({"kind": "saw"}, "'kind' must be one of sine, noise, got 'saw'"),
        ({"kind": "noise", "hz": 3}, "unknown key 'hz'; known here: kind, colours; kind=sine has it"),
        ({"colours": []}, "unknown key 'colours'; known here: kind, hz; for another kind, set kind to sine or noise"),
    ],
)
def test_a_union_that_is_the_whole_names_its_keys_as_they_are(plain, message):
    assert from_plain(Sine | Noise, {"kind": "noise"}, "conf.yaml") == Noise()
    with pytest.raises(DataError) as error:
        from_plain(Sine | Noise, plain, "conf.yaml")
    assert str(error.value) == f"conf.yaml: {message}"
    with pytest.raises(DataError, match=r"^kind=saw: 'kind' must be one of sine, noise, got 'saw'$"):
        from_plain(Sine | Noise, {"kind": "saw"}, Origin("conf.yaml", ["kind=saw"]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["n=0"], "conf.yaml: n must be positive, got 0"),
        (["n=x"], "n=x: 'n' must be a whole number, got 'x'"),
        (["m=3"], "m=3: unknown key 'm'; known here: name"),
        (["source.kind=saw", "n=3"], "source.kind=saw: 'source.kind' must be one of sine, noise, got 'saw'"),
        (["pair=[1, a]"], "pair=[1, a]: 'pair[1]' must be a number, got 'a'"),
        (["scale=2", "n=3"], "conf.yaml: 'mode' must be one of fast, slow, got 'medium'"),
    ],
)
def test_the_argument_is_blamed_and_not_the_file(path, given, message):
    path.write_text("name: a\n" + ("mode: medium\n" if "scale=2" in given else ""))
    with pytest.raises(DataError) as error:
        from_plain(Tone, read_plain(path, given), Origin("conf.yaml", given))
    assert str(error.value).startswith(message)


def test_no_is_a_word_where_it_is_one_of_the_choices():
    @dataclass(frozen=True)
    class Precision:
        mixed: Literal["no", "bf16"] = "bf16"

    assert from_plain(Precision, yaml.safe_load("mixed: no"), "conf.yaml") == Precision("no")


def test_override_leaves_the_original_alone():
    plain = {"a": {"b": 1, "c": 2}, "d": 3}
    assert override(plain, {"a.b": 9, "d": 4, "e.f.g": 5}) == {"a": {"b": 9, "c": 2}, "d": 4, "e": {"f": {"g": 5}}}
    assert plain == {"a": {"b": 1, "c": 2}, "d": 3}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "c.yaml"


def test_yaml_and_json(path):
    path.write_text("min_frames: 100  # a comment\nsampling: utterance\n")
    expected = ChunkConfig(min_frames=100, sampling="utterance")
    assert read_config(ChunkConfig, path) == expected
    path.write_text('{"min_frames": 100, "sampling": "utterance"}')
    assert read_config(ChunkConfig, path) == expected
    path.write_text("# nothing\n")
    assert read_config(ChunkConfig, path) == ChunkConfig()


def test_assignments_are_yaml_too(path):
    path.write_text("a: {b: 1, c: 2}\nd: x\n")
    assignments = ["a.b=3", "d=[1, 2]", "e.f=true", "g=", "h=a=b", "i=1.0e-3"]
    assert read_plain(path, assignments) == {
        "a": {"b": 3, "c": 2},
        "d": [1, 2],
        "e": {"f": True},
        "g": None,
        "h": "a=b",
        "i": 0.001,
    }


@pytest.mark.parametrize("assignment", ["a", "=3", ""])
def test_an_assignment_needs_a_name_and_a_value(path, assignment):
    path.touch()
    with pytest.raises(DataError, match=f"^expected key=value, got '{assignment}'$"):
        read_plain(path, [assignment])


def test_an_assignment_that_is_no_yaml(path):
    path.touch()
    with pytest.raises(DataError, match=r"^out=\[a: expected YAML, got: .+"):
        read_plain(path, ["out=[a"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb: [2\n", ":3: expected YAML, got: expected ',' or ']'"),
        (b"a: 1\n\tb: 2\n", ":2: expected YAML, got: found character"),
        (b"a: b: c\nd: e\n", ":1: expected YAML, got: mapping values are not allowed here"),
        (b"a: !!python/object:os.system {}\nb: 1\n", ":1: expected YAML, got: could not determine a constructor"),
        (b"a: 2024-13-45\n", ": expected YAML, got: month must be in 1..12"),
        (b"caf\xe9: 1\n", ": expected YAML, got: unacceptable character #x00e9"),
        (b"a: \0\n", ": expected YAML, got: unacceptable character #x0000"),
        (b"- 1\n", ": expected 'key: value' lines, got list"),
        (b"just words\n", ": expected 'key: value' lines, got str"),
        (b"0\n", ": expected 'key: value' lines, got int"),
        (b"n: 1\nm: 2\nn: 3\n", ":3: expected each key once, got 'n' a second time after line 1"),
        (b"a: {b: 1}\nc: 1\na:\n  d: 2\n", ":3: expected each key once, got 'a' a second time after line 1"),
        (b"a:\n  b: 1\n  'b': 2\n", ":3: expected each key once, got 'b' a second time after line 2"),
        (b"- {a: 1, a: 2}\n", ":1: expected each key once, got 'a' a second time after line 1"),
    ],
)
def test_bad_files(path, content, message):
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_plain(path)
    assert str(error.value).startswith(f"{path}{message}")
    assert "\n" not in str(error.value)


def test_a_key_may_come_again_in_another_group_or_over_that_of_a_merged_one(path):
    path.write_text("a: {n: 1}\nb: {n: 2}\nbase: &base {n: 3, m: 4}\nc: &c {<<: *base, n: 5}\nd: {<<: *c, m: 6}\n")
    plain = read_plain(path)
    assert (plain["a"], plain["b"], plain["c"], plain["d"]) == ({"n": 1}, {"n": 2}, {"n": 5, "m": 4}, {"n": 5, "m": 6})


def test_two_merged_groups(path):
    groups = "a: &a {n: 1}\nb: &b {n: 2, m: 3}\n"
    path.write_text(groups + "c:\n  <<: *a\n  <<: *b\n")
    message = (
        "got '<<' a second time after line 4: to merge several groups, write '<<: [*first, *second]', of which the"
    )
    with pytest.raises(DataError, match=r":5: expected each key once, " + re.escape(message)):
        read_plain(path)
    path.write_text(groups + "c:\n  <<: [*a, *b]\n")
    assert read_plain(path)["c"] == {"n": 1, "m": 3}


def test_a_key_that_comes_again_in_an_argument_is_refused(path):
    path.touch()
    with pytest.raises(DataError, match=r"^a={b: 1, b: 2}: expected each key once, got 'b' a second time after line 1"):
        read_plain(path, ["a={b: 1, b: 2}"])


def test_the_last_of_a_key_counts_in_files_of_other_toolkits(path):
    path.write_text("n: 1\nn: 2\n")
    assert read_plain(path, repeats=True) == {"n": 2}


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match=r"none.yaml: cannot read the file: No such file or directory$"):
        read_config(ChunkConfig, tmp_path / "none.yaml")
    with pytest.raises(DataError, match=r": cannot read the file: Is a directory$"):
        read_config(ChunkConfig, tmp_path)


def test_a_refused_value_names_the_file(path):
    path.write_text("min_frames: 500\n")
    with pytest.raises(DataError, match=r"c.yaml: chunks need 1 <= min_frames <= max_frames, got 500, 400$"):
        read_config(ChunkConfig, path)


def test_settings_over_those_of_a_file_are_named_where_they_are_wrong(tmp_path):
    path = tmp_path / "tone.yaml"
    path.write_text("name: a\nn: 2\n")
    found = read_config(Tone, path, ["n=3", "source={kind: noise}"], lambda plain: plain | {"loud": True})
    assert found == Tone("a", 3, loud=True, source=Noise())
    with pytest.raises(DataError, match=r"^n=x: 'n' must be a whole number, got 'x'$"):
        read_config(Tone, path, ["n=x"])
    with pytest.raises(DataError, match=r"tone\.yaml: 'n' must be a whole number, got 'x'$"):
        read_config(Tone, path, change=lambda plain: plain | {"n": "x"})
