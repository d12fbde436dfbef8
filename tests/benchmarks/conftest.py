"""Benchmarks are not installed: tests that import them find them in the repository."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
