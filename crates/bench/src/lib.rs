//! `tidegate bench`: measures Tidegate, its peers and the physical limit with the same work.
//!
//! Each server is started with a configuration of its own, given the same events and the same
//! readers, and judged by the CPU time of its processes. Every reader checks order, loss and repeats;
//! the generator measures itself, and says where it was the limit. Knows nothing of Tidegate's
//! inside: it is one server among others, spoken to over its sockets. Beside servers, pure code is
//! measured in this process: guards, evidence and runbooks. Prints nothing.

mod args;
mod bound;
mod chat;
mod check;
mod clock;
mod crowd;
mod error;
mod feed;
mod figure;
mod floor;
mod gauge;
mod generator;
mod grip;
mod http;
mod line;
mod messages;
mod net;
mod payload;
mod plan;
mod plot;
mod process;
mod publisher;
mod pure;
mod report;
mod run;
mod sample;
mod server;
mod soak;
mod stamp;
mod stop;
mod work;
mod ws;

pub use self::{
    args::{
        AnalysisArgs, BenchCommand, ChatArgs, EvidenceArgs, FloorArgs, GuardsArgs, IngestArgs,
        JournalArgs, Order, RecoverArgs, RunbooksArgs, SnapshotArgs, SoakArgs,
    },
    chat::Chat,
    error::BenchError,
    feed::Feed,
    pure::Pure,
    run::{Measurement, Outcome, Run, run_floor},
    soak::Soak,
    stop::Stop,
    work::Watch,
};
