//! The proofs of what branches, records and views do together.

mod model;
