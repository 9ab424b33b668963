//! Coalition designs and the matrix G.
