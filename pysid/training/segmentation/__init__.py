"""Training of local segmentation: windows mixed on the fly, recordings with and without reference, a teacher."""
