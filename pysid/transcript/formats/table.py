"""A transcript as a table: CSV as spreadsheets read it (RFC 4180), one row per utterance.

    start_s,end_s,speaker,text
    0.500,2.000,anna,Good morning.

Where nobody is known to speak the third column is empty. What a spreadsheet would run as a formula has an apostrophe
before it, see `pysid.io.spreadsheet`.
"""

import csv
import io

from pysid.io.spreadsheet import cell
from pysid.transcript.formats.document import Document

HEADER = ("start_s", "end_s", "speaker", "text")


def format_csv(document: Document) -> str:
    """The table, times to the millisecond."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(HEADER)
    for u in document.utterances:
        rows.writerow([f"{u.start_s:.3f}", f"{u.end_s:.3f}", cell(u.speaker or ""), cell(u.text)])
    return text.getvalue()
