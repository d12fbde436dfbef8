"""A transcript as a table: CSV as spreadsheets read it (RFC 4180), one row per utterance.

    start_s,end_s,speaker,text
    0.500,2.000,anna,Good morning.

Where nobody is known to speak the third column is empty.
"""

import csv
import io

from pysid.transcript.formats.document import Document

HEADER = ("start_s", "end_s", "speaker", "text")


def format_csv(document: Document) -> str:
    """The table, times to the millisecond."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(HEADER)
    for u in document.utterances:
        rows.writerow([f"{u.start_s:.3f}", f"{u.end_s:.3f}", u.speaker or "", u.text])
    return text.getvalue()
