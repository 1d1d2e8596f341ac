//! The storage writer: a bounded queue of groups, a write-ahead log, and the sinks behind it.
//!
//! Owns the numbers of records, their order, and that what was acknowledged is there after a
//! crash. Records are bytes to it: it must not know chains, nor who reads.
//!
//! A group goes into the queue, is written with all others that wait, made durable by one fsync,
//! and only then given to the tails. A sink has a tail of its own with a checkpoint, so a slow one
//! holds nobody up.

mod clickhouse;
mod disk;
mod error;
mod frame;
mod group;
mod health;
mod journal;
mod log;
mod metrics;
mod observer;
mod options;
mod queue;
mod reader;
mod recent;
mod recovery;
mod retention;
mod scan;
mod segment;
mod segments;
mod seq;
mod shared;
mod sink;
mod tail;
mod writer;

pub use self::{
    clickhouse::{ClickHouse, ClickHouseError, ClickHouseOptions, RowMapper},
    disk::{Disk, DiskFile, RealDisk},
    error::{AppendError, AttachError, OpenError, TailError},
    group::{Committed, Entry, GROUP_BYTES_MAX, GROUP_RECORDS_MAX, Group},
    health::{Health, SinkHealth, SinkState, State},
    journal::{Closed, Journal},
    metrics::{DropReason, Dropped, Metrics},
    observer::Observer,
    options::Options,
    recovery::Recovered,
    seq::{Damaged, Seq},
    sink::{BoxFuture, Sink, SinkError, SinkOptions},
    tail::Tail,
    writer::Writer,
};
