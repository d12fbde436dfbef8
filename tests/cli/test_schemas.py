"""docs/schemas: what commands write, and the files of a model directory, are as their JSON Schemas say.

The validator knows the words that our schemas use, and no others. It is stricter than the standard: a key that a schema
does not name is an error, so that nothing is written that the documentation does not tell of.
"""

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "docs" / "schemas"
CONVERSATION = ROOT / "examples" / "conversation"
SHIPPED = ROOT / "pysid" / "model" / "shipped"
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
SAID = {"$schema", "$defs", "title", "description", "type", "required", "properties", "additionalProperties", "items"}
SAID |= {"prefixItems", "minItems", "maxItems", "minimum", "maximum", "const", "enum", "anyOf", "$ref"}


def is_of(value, kind):
    if kind in ("number", "integer"):
        return isinstance(value, int if kind == "integer" else int | float) and not isinstance(value, bool)
    return isinstance(value, TYPES[kind])


def faults(value, schema, top, where="$"):
    """What is wrong with a value, in words; an empty list where it is as the schema says."""
    assert set(schema) <= SAID, set(schema) - SAID
    if "$ref" in schema:
        return faults(value, top["$defs"][schema["$ref"].removeprefix("#/$defs/")], top, where)
    if "anyOf" in schema:
        tried = [faults(value, option, top, where) for option in schema["anyOf"]]
        return [] if [] in tried else [f"{where} is none of: {tried}"]
    if "const" in schema or "enum" in schema:
        allowed = schema.get("enum", [schema.get("const")])
        return [] if value in allowed else [f"{where} is {value!r}, not of {allowed}"]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(is_of(value, kind) for kind in kinds):
        return [f"{where} is {value!r}, not {kinds}"]
    found = []
    if isinstance(value, dict):
        named, others = schema.get("properties", {}), schema.get("additionalProperties", False)
        found += [f"{where} has no {key}" for key in schema.get("required", []) if key not in value]
        for key, x in value.items():
            inner = named.get(key, others)
            found += [f"{where}.{key} is not named"] if inner is False else faults(x, inner, top, f"{where}.{key}")
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            found.append(f"{where} has {len(value)} items")
        each = schema.get("prefixItems") or [schema["items"]] * len(value)
        for i, (x, inner) in enumerate(zip(value, each, strict=False)):
            found += faults(x, inner, top, f"{where}[{i}]")
    elif is_of(value, "number"):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        found += [] if low <= value <= high else [f"{where} is {value}, not from {low} to {high}"]
    return found


def check(name, path, generator=None):
    """Checks a file against a schema, and gives its content."""
    text = generator.text_of(name) if generator else (SCHEMAS / f"{name}.json").read_text()
    schema, document = json.loads(text), json.loads(Path(path).read_text())
    assert faults(document, schema, schema) == []
    return document


@pytest.fixture
def audio(dev):
    return lambda *names: [str(dev / "audio" / f"{name}.ogg") for name in names]


def test_the_validator_finds_what_is_wrong():
    schema = json.loads((SCHEMAS / "turns.json").read_text())
    turn = {"start_s": 0.5, "end_s": 2, "speaker": "anna", "confidence": None}
    right = {"version": 1, "recording": "a", "duration_s": 2.5, "speakers": [], "turns": [turn]}
    assert faults(right, schema, schema) == []
    for wrong, says in (
        ({"version": 2}, "$.version is 2, not of [1]"),
        ({"duration_s": -1}, "$.duration_s is -1, not from 0 to -1"),
        ({"recording": 1}, "$.recording is 1, not ['string']"),
        ({"turns": [{**turn, "who": "x"}]}, "$.turns[0].who is not named"),
        ({"turns": [{"start_s": 1, "speaker": "x"}]}, "$.turns[0] has no end_s"),
    ):
        assert faults(right | wrong, schema, schema) == [says]


def test_verify(pysid, fitted, model, audio, tmp_path):
    out = tmp_path / "x.json"
    missing = tmp_path / "nothing.wav"
    tests = [x for test in [*audio("slt-1", "rms-0"), missing] for x in ("--test", test)]
    pysid("verify", *audio("slt-0"), *tests, "-m", fitted, "--json", out)
    document = check("verify", out)
    assert len(document["decisions"]) == 2 and list(document["skipped"]) == [str(missing)]
    pysid("verify", *audio("slt-0", "slt-1"), "-m", model, "--backend", "cosine", "--threshold", 0.5, "--json", out)
    assert check("verify", out)["decisions"][0]["llr"] is None


def test_identify_and_speakers(pysid, fitted, audio, tmp_path):
    db, out = tmp_path / "team.db", tmp_path / "x.json"
    for name in ("slt", "rms"):
        assert pysid("enroll", "--db", db, name, *audio(f"{name}-0"), "-m", fitted).status == 0
    assert pysid("identify", "--db", db, "--top", 2, *audio("slt-1"), "-m", fitted, "--json", out).status == 0
    assert len(check("identify", out)["answers"][0]["candidates"]) == 2
    assert pysid("speakers", "list", "--db", db, "--json", out).status == 0
    assert [x["name"] for x in check("speakers", out)["speakers"]] == ["rms", "slt"]


def test_error_rates_of_trials(pysid, tmp_path):
    trials, scores, out = tmp_path / "trials", tmp_path / "scores", tmp_path / "x.json"
    trials.write_text("a b target\na c nontarget\nb c nontarget\n")
    scores.write_text("a b 3\na c -1\nb c 0.5\n")
    (tmp_path / "others").write_text("a b 1\na c 2\nb c 0\n")
    assert pysid("eval", "eer", trials, scores, "--json", out).status == 0
    assert check("eer", out)["n_target"] == 1
    assert pysid("eval", "eer", trials, scores, tmp_path / "others", "--json", out).status == 0
    assert set(check("eer", out)) == {"scores", "others"}


def test_error_rates_of_diarization(pysid, tmp_path):
    reference, out = CONVERSATION / "meeting.rttm", tmp_path / "x.json"
    assert pysid("eval", "der", reference, reference, "--collar", 0.25, "--json", out).status == 0
    assert check("der", out)["total"]["der"] == 0


def test_transcript(pysid, tmp_path):
    words = CONVERSATION / "meeting-words.json"
    assert pysid("transcript", CONVERSATION / "meeting.rttm", words, "-f", "json", "-o", tmp_path).status == 0
    assert len(check("transcript", tmp_path / "meeting.transcript.json")["speakers"]) == 4


@pytest.mark.slow
def test_turns(pysid, tmp_path):
    db, recording = tmp_path / "team.db", CONVERSATION / "followup.ogg"
    pysid("diarize", recording, "-f", "json", "-o", tmp_path)
    document = check("turns", tmp_path / "followup.json")
    assert document["exclusive_turns"] and document["model"]
    pysid("enroll", "--db", db, "Anna", "--from", tmp_path / "followup.json", "--speaker", "speaker1")
    pysid("diarize", recording, "-f", "json", "-o", tmp_path, "--db", db)
    assert any("identity" in x for x in check("turns", tmp_path / "followup.json")["speakers"])


def test_converted_turns(pysid, tmp_path):
    pysid("convert", CONVERSATION / "meeting.rttm", tmp_path / "meeting.json")
    assert len(check("turns", tmp_path / "meeting.json")["turns"]) == 19


@pytest.mark.slow
@pytest.mark.parametrize("how", ["--trials", "--rttm"])
def test_compare(how, pysid, small, tmp_path):
    data = CONVERSATION if how == "--rttm" else small
    truth = CONVERSATION / "followup.rttm" if how == "--rttm" else small / "trials"
    out = tmp_path / "x.json"
    outcome = pysid("compare", "xvector", how, truth, "--data", data, "--json", out)
    assert outcome.status == 0, outcome.err
    assert set(check("compare", out)["models"]) == {"xvector"}


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("schemas", ROOT / "docs" / "site" / "schemas.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("directory", sorted(x.name for x in SHIPPED.iterdir() if (x / "config.json").is_file()))
def test_the_shipped_models(directory, generator):
    held = [path for path in (SHIPPED / directory).glob("*.json") if path.stem in generator.configurations()]
    assert {"config", "diarization"} <= {path.stem for path in held}
    for path in held:
        check(path.stem, path, generator)


def test_a_model_of_ones_own(fitted, generator, tmp_path):
    document = check("config", fitted / "config.json", generator)
    for wrong in ({"format": 2}, {"network": {"kind": "none"}}, {"more": 1}):
        (tmp_path / "config.json").write_text(json.dumps(document | wrong))
        with pytest.raises(AssertionError):
            check("config", tmp_path / "config.json", generator)


def test_each_schema_has_its_place_in_the_documentation(generator):
    text = (ROOT / "docs" / "formats.md").read_text()
    assert sorted(re.findall(r"\(schemas/(\w+)\.json\)", text)) == sorted(x.stem for x in SCHEMAS.glob("*.json"))
    assert set(re.findall(r"<!-- schema (\w+) -->", text)) == set(generator.configurations())
