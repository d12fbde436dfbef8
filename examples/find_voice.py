"""Which recordings are of a voice, the likeliest first: python examples/find_voice.py anna.wav recordings/*.wav"""

import sys

import pysid
from pysid.errors import DataError
from pysid.speakers.verify import Verifier

if len(sys.argv) < 3:
    sys.exit(__doc__)
known, *others = sys.argv[1:]
anna = Verifier(pysid.load(), [known])  # her recording is embedded once
found = []
for path in others:
    try:
        found.append((anna(path), path))
    except DataError as error:  # a recording that cannot be read, or has no speech
        print(f"left out: {error}", file=sys.stderr)
for decision, path in sorted(found, key=lambda pair: pair[0].score, reverse=True):
    print(f"{decision.probability:6.1%}  {'yes' if decision.accepted else 'no ':3}  {path}")
