//! Explanations against exact reference values.
