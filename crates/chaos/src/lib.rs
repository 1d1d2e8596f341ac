//! A seeded run that breaks everything, then heals it and checks what every reader saw.
//!
//! Real processes: one Redis, replicas of the server each behind a proxy of its own, publishers and
//! readers. Owns: the [plan](Plan) that follows from a seed, the run of it on the wall clock, and the
//! verdict over every reader's whole record. Knows the server by its sockets alone; to add a kind of
//! action, add it to a file of `kind`.

mod act;
mod args;
mod artefact;
mod console;
mod dice;
mod exit;
mod facts;
mod field;
mod history;
mod http;
mod judge;
mod kind;
mod load;
mod payload;
mod plan;
mod publisher;
mod reader;
mod report;
mod run;
mod settings;
mod timeline;
mod trunk;
mod watch;
mod wire;

pub use self::{
    act::Act,
    args::Args,
    exit::Exit,
    plan::{Phase, Plan},
    run::main,
    settings::{Mode, Settings},
};
