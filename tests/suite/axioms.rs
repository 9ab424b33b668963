//! Axioms of the Shapley value and identities of the design matrix.
