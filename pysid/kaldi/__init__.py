"""Kaldi's model files: reading, writing, and running the networks in them.

reader, binary, text, files             Kaldi's basic types, in both of its formats
compressed                              compressed matrices
options                                 `.conf` files of options
backend_files                           vectors, matrices, PLDA
descriptors, nnet3_config               the lines that wire a network up
components, nnet3_file                  what stands in a `.raw` or `.mdl` file, kept without loss
nnet3_layers, nnet3_builders            components as torch modules
nnet3_times, nnet3_wiring, nnet3_graph  the network as a torch module
xvector, xvector_export                 exchange with `pysid.embedding.xvector`
"""
