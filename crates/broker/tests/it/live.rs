//! Streams that change hands while they are served.

mod crashes;
mod measured;
mod outages;
mod refusals;
mod replicas;
mod serving;
