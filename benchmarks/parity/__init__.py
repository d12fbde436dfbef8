"""Compares pysid with the files that Kaldi's programs wrote: each command of a `commands.tsv`, done again by pysid.

reference   the folder of files and commands
rows        measures of deviation, and a row of the table
frontend    feature programs
nnet3       x-vector extraction
vectors     pipes of programs that project embeddings
backend     training and changing LDA and PLDA
scoring     scores, EER and minDCF
chains      several steps at once, from samples on
"""
