"""ELAN's annotation files."""

import pytest

from pysid.errors import DataError, PysidWarning
from pysid.io.turns.cues import RecordingTurns
from pysid.io.turns.elan import format_elan, read_elan
from pysid.io.turns.formats import read_turns
from pysid.segments import Segment, Turn


def test_elan_as_elan_writes_it(tmp_path):
    """Tiers of words below those of speakers, and time slots without times."""
    path = tmp_path / "a.eaf"
    path.write_text(
        """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2017-09-05T14:53:24+06:00" FORMAT="3.0" VERSION="3.0">
  <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"><MEDIA_DESCRIPTOR MEDIA_URL="file:///a.wav" MIME_TYPE="audio/x-wav"/>
    <PROPERTY NAME="lastUsedAnnotationId">3</PROPERTY></HEADER>
  <TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="500"/><TIME_SLOT TIME_SLOT_ID="ts2"/>
    <TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="2000"/></TIME_ORDER>
  <TIER LINGUISTIC_TYPE_REF="utterance" TIER_ID="ref@A" PARTICIPANT="Anna">
    <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts3">
      <ANNOTATION_VALUE>Good morning</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
  <TIER LINGUISTIC_TYPE_REF="words" TIER_ID="w@A" PARENT_REF="ref@A" PARTICIPANT="Anna">
    <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
      <ANNOTATION_VALUE>Good</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
  <TIER LINGUISTIC_TYPE_REF="utterance" TIER_ID="Ben">
    <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a3" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
      <ANNOTATION_VALUE/></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
</ANNOTATION_DOCUMENT>
"""
    )
    with pytest.warns(PysidWarning, match=r"a\.eaf: 1 of 2 annotations have no start or end: left out$"):
        found = read_turns(path)
    assert found == [RecordingTurns("a", [Turn(Segment(0.5, 2.0), "Anna")], None)]


SLOT = '<TIME_SLOT TIME_SLOT_ID="t" TIME_VALUE="{}"/>'
EAF = f"<ANNOTATION_DOCUMENT><TIME_ORDER>{SLOT}</TIME_ORDER>{{}}</ANNOTATION_DOCUMENT>"
LATE = EAF.replace("</TIME_ORDER>", SLOT.replace('"t"', '"u"').format(3) + "</TIME_ORDER>")
TIER = (
    '<TIER TIER_ID="{}"><ANNOTATION><ALIGNABLE_ANNOTATION TIME_SLOT_REF1="t" TIME_SLOT_REF2="{}"/></ANNOTATION></TIER>'
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no xml", ": expected XML, got something else"),
        ('<?xml version="1.0" encoding="shift_jis"?><x/>', ": expected XML, got something else: multi-byte encodings"),
        ('<?xml version="1.0" encoding="UCS-4"?><x/>', ": expected XML, got something else: unknown encoding: UCS-4"),
        ("<TIMELINE/>", ": expected ELAN's ANNOTATION_DOCUMENT, got 'TIMELINE'"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', ": expected plain XML, got one with a document type"),
        (EAF.format("soon", ""), ": expected a TIME_VALUE in milliseconds, got 'soon'"),
        (EAF.format("9" * 13, ""), ": expected a TIME_VALUE in milliseconds, got '9999999999999'"),
        (EAF.format("5", TIER.format("x", "u")), ": expected the time slots of annotations in TIME_ORDER"),
        (
            LATE.format(5, TIER.format("x", "u")),
            ": expected annotations that end after their start, got 5 and 3 ms",
        ),
        (EAF.format("5", TIER.format("", "t")), ": expected tiers with a PARTICIPANT or a TIER_ID"),
    ],
)
def test_what_is_not_elans_is_named(tmp_path, content, message):
    path = tmp_path / "a.eaf"
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        read_elan(path, "a")
    assert str(caught.value).startswith(f"{path}{message}")


def test_names_are_kept_whatever_is_in_them(tmp_path):
    path = tmp_path / "a.eaf"
    turns = [Turn(Segment(0.5, 2.0), 'the "boss" & <co>'), Turn(Segment(3.0, 4.0), "a\x07b")]
    path.write_text(format_elan("Q & A", turns))
    found = read_elan(path, "other")
    assert (found.recording, found.turns[0]) == ("Q & A", turns[0])
    assert found.turns[1].speaker == "a\N{REPLACEMENT CHARACTER}b"


def test_turns_of_one_speaker_that_overlap_are_one_annotation(tmp_path):
    path = tmp_path / "a.eaf"
    path.write_text(format_elan("a", [Turn(Segment(0.5, 2.0), "x"), Turn(Segment(1.0, 3.0), "x")]))
    assert read_elan(path, "a").turns == [Turn(Segment(0.5, 3.0), "x")]
    path.write_text(format_elan("a", []))
    assert read_elan(path, "a") == RecordingTurns("a", [], None)
