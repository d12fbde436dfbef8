"""The stand-ins for Kaldi's programs, grouped by what they work on; each module has a table `PROGRAMS`."""
