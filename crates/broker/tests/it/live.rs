//! Streams that change hands while they are served.

mod crashes;
mod outages;
mod refusals;
mod replicas;
mod serving;
