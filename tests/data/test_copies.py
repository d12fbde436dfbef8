"""Tables of data directories that are copied, joined and thinned out."""

import pytest

from pysid.data.copies import copied, corpus_tables, evenly, joined, write_tables
from pysid.data.corpus import Corpus
from pysid.data.validate import validate
from pysid.errors import DataError
from pysid.io.tables import read_table


@pytest.mark.parametrize(("size", "n"), [(1, 0), (1, 1), (10, 3), (240, 60), (7, 7), (1000, 1)])
def test_a_subset_is_even_and_in_order(size, n):
    chosen = evenly(range(size), n)
    assert len(chosen) == n and chosen == sorted(set(chosen))
    for cut in (size // 2, size // 4):
        assert abs(sum(x < cut for x in chosen) - n * cut / size) <= 1.5


def test_a_subset_of_kaldis_program():
    """What Kaldi's subset_scp.pl prints of the lines 0, 1, ..."""
    assert evenly(range(15), 4) == [2, 6, 10, 14]
    assert evenly(range(5), 2) == [1, 4]
    assert evenly(range(23), 7) == [4, 7, 10, 13, 16, 19, 22]
    with pytest.raises(DataError, match="expected a subset of at most 5 utterances, got 6"):
        evenly(range(5), 6)


def test_copies_keep_what_they_share_with_their_originals(small, tmp_path):
    (small / "spk2gender").write_text("alicia f\ndenis m\n")
    (small / "utt2dur").write_text("".join(f"{line.split()[0]} 6.5\n" for line in (small / "wav.scp").open()))
    (small / "vad.scp").write_text("alicia-0 vad.ark:9\n")
    (small / "vad.ark").touch()
    clean = corpus_tables(Corpus.read(small))
    assert clean["vad.scp"] == {"alicia-0": f"{small}/vad.ark:9"}
    audio = {f"{name}-x": tmp_path / "out" / "d" / "audio" / f"{name}.flac" for name in ("alicia-0", "alicia-2")}
    for path in audio.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    copies = copied(clean, {"alicia-0-x": "alicia-0", "alicia-2-x": "alicia-2"}, audio)
    write_tables(tmp_path / "out" / "d", copies)
    assert read_table(tmp_path / "out" / "d" / "wav.scp")["alicia-0-x"] == "audio/alicia-0.flac"
    assert read_table(tmp_path / "out" / "d" / "vad.scp") == {"alicia-0-x": f"{small}/vad.ark:9"}
    assert read_table(tmp_path / "out" / "d" / "utt2uniq")["alicia-2-x"] == "alicia-2"
    assert read_table(tmp_path / "out" / "d" / "spk2gender") == {"alicia": "f"}
    assert read_table(tmp_path / "out" / "d" / "spk2utt") == {"alicia": "alicia-0-x alicia-2-x"}
    both = joined([copies, clean])
    write_tables(tmp_path / "out" / "all", both)
    (problem,) = validate(tmp_path / "out" / "all")
    assert problem.file.endswith("vad.scp") and problem.message.startswith("6 of 8 ids are missing")
    assert read_table(tmp_path / "out" / "all" / "wav.scp")["alicia-0-x"] == "../d/audio/alicia-0.flac"
    assert read_table(tmp_path / "out" / "all" / "utt2uniq")["denis-1"] == "denis-1"
    write_tables(tmp_path / "out" / "all", {"wav.scp": both["wav.scp"]})
    assert {path.name for path in (tmp_path / "out" / "all").iterdir()} == {"wav.scp"}


def test_pieces_of_recordings_join_whole_ones():
    pieces = {
        "wav.scp": {"r": "/r.wav"},
        "segments": {"a": "r 0.0 1.0", "b": "r 1.0 2.0"},
        "utt2spk": {"a": "s", "b": "s"},
    }
    whole = {"wav.scp": {"a-x": "/a.flac"}, "utt2spk": {"a-x": "s"}, "utt2uniq": {"a-x": "a"}, "text": {"a-x": "yes"}}
    both = joined([pieces, whole])
    assert both["segments"] == {**pieces["segments"], "a-x": "a-x 0.0 -1"}
    assert both["utt2uniq"] == {"a": "a", "b": "b", "a-x": "a"}
    assert set(both) == {"wav.scp", "segments", "utt2spk", "utt2uniq"}
