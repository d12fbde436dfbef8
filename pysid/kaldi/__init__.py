"""Kaldi's model files: reading, writing, and running the networks in them; and stand-ins for its programs.

reader, binary, text, files             Kaldi's basic types, in both of its formats
compressed                              compressed matrices
options                                 `.conf` files of options
backend_files                           vectors, matrices, PLDA
descriptors, nnet3_config               the lines that wire a network up
components, nnet3_file                  what stands in a `.raw` or `.mdl` file, kept without loss
nnet3_layers, nnet3_builders            components as torch modules
nnet3_times, nnet3_wiring, nnet3_graph  the network as a torch module
xvector, xvector_export                 exchange with `pysid.embedding.xvector`
nnet3_network                           a network of any form, as a model holds it
package                                 the files of an x-vector package; `pysid.from_kaldi`, `pysid.to_kaldi`
nnet3_info                              a network in words and figures
nnet3_rewrite, nnet3_edits              what `nnet3-copy` does to a network

stand_ins, programs                     the programs; docs/kaldi.md
command_line, log, run                  options, messages, one run
specifiers, streams                     `ark:-`, `scp,p:a.scp`, `zcat a.gz |`
tables, holders, wave                   values by key, of each type
"""
