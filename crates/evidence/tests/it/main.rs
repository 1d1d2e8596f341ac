//! The evidence's proofs: published vectors, properties, and every way to falsify that came to mind.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod contradicting;
mod entries;
mod envelopes;
mod falsified;
mod keys;
mod made;
mod notes;
mod redaction;
mod standing;
mod statements;
mod tampered;
mod trees;
