//! Streams that change hands while they are served.

mod alone;
mod crashes;
mod fleets;
mod outages;
mod refusals;
mod replicas;
mod serving;
