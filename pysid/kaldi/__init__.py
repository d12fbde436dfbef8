"""Stand-ins for Kaldi's programs; docs/kaldi.md.

stand_ins, programs           the programs by name, and what each does
command_line, log, run        options, messages, one run
specifiers, streams           `ark:-`, `scp,p:a.scp`, `zcat a.gz |`
tables, holders, wave         values by key, of each type
nnet3_info, nnet3_edits       what `nnet3-info` says about a network, what `nnet3-copy` does to it

Kaldi's file types are in `pysid.io.kaldi`, its networks in `pysid.nnet3`, its models in `pysid.exchange`.
"""
