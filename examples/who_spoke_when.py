"""Who spoke when, and for how long: python examples/who_spoke_when.py examples/conversation/meeting.ogg [PAGE.html]"""

import sys
from collections import Counter
from pathlib import Path

import pysid

if len(sys.argv) < 2:
    sys.exit(__doc__)
recording = Path(sys.argv[1])
diarization = pysid.load().diarize(recording)
print(diarization)

seconds: Counter[str] = Counter()
for turn in diarization.turns:
    seconds[turn.speaker] += turn.segment.duration_s
for speaker, total_s in seconds.most_common():
    print(f"{speaker} spoke for {total_s:.1f} s, {100 * total_s / diarization.duration_s:.0f}% of the time")

page = Path(sys.argv[2] if len(sys.argv) > 2 else f"{recording.stem}.html")
diarization.save(page)
print(f"open {page} in a browser to listen to them")
