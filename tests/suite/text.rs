//! Explanations of texts.

mod axioms;
mod input;
mod oracle;
