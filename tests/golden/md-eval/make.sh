#!/usr/bin/env bash
# Scores hyp.rttm against ref.rttm with NIST's md-eval.pl, version 22 (package sctk of Debian, or
# https://github.com/usnistgov/SCTK), and keeps the lines with the seconds of each recording.
# Usage: make.sh path/to/md-eval.pl
set -euo pipefail
cd "$(dirname "$0")"
for collar in 0 0.25 0.5; do
  for overlap in scored skipped; do
    options=(-af -r ref.rttm -s hyp.rttm -u all.uem -c "$collar")
    [[ $overlap == scored ]] || options+=(-1)
    perl "$1" "${options[@]}" | grep -E '^\*\*\*|SPEAKER TIME|SPEAKER ERROR TIME' >"collar$collar-$overlap.txt"
  done
done
