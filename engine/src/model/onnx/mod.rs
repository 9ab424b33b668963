//! ONNX models executed on burn tensors at run time.
