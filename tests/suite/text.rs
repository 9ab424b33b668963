//! Explanations of texts.

mod axioms;
mod input;
mod mixed;
mod oracle;
