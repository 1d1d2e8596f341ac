//! What snapshots say of facts, against a plain account of the same facts.

mod bounds;
mod findings;
mod json;
mod model;
mod pages;
mod support;
