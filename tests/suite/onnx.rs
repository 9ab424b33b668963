//! ONNX models against recorded outputs.
