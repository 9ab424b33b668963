//! The device operations as functions of tensors.
