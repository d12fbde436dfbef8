"""Models from other toolkits and for them: Kaldi's x-vector packages, ONNX."""
