//! The vocabulary's proofs: grammars by table, round trips by property, bytes by golden text.

mod cursors;
mod envelopes;
mod ids;
mod ledgers;
mod lineages;
mod names;
mod payloads;
