//! Journals as files, what a crash leaves, what a second process may, and their bytes for ever; and runs
//! that are carried out over worlds that are told what to do.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod attested;
mod cast;
mod certified;
mod driven;
mod export;
mod file;
mod golden;
mod killed;
mod report;
mod seeds;
mod signed;
mod stage;
