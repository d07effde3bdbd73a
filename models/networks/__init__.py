"""Face networks in PyTorch: what is trained here and later written as ONNX."""
