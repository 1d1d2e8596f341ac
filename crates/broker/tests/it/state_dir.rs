//! The folder: what outlives a process, and what a damaged, full or foreign one does.

mod damage;
mod full;
mod lock;
mod refused;
mod saving;
mod take_over;
mod time;

use std::{sync::Arc, time::Duration};

use broker::{Append, Broker, PageLimit, Receipt, memory::log::WindowLimits};
use event::{After, StreamName};
use futures_util::FutureExt;

use crate::support::{events::event_numbered, memory::Memory};

const LIMITS: WindowLimits = WindowLimits { events_max: 100, age_max: Duration::from_secs(600) };

fn stream(name: &str) -> StreamName {
    StreamName::thread(name).expect("it keeps the grammar")
}

fn append(memory: &Memory, stream: &StreamName, number: u64) -> Receipt {
    let append = Append::one(event_numbered(number));
    let appended = memory.broker.append(stream, append).now_or_never();
    appended.expect("memory answers at once").expect("it is taken").receipts()[0]
}

fn page(memory: &Memory, stream: &StreamName, after: &After) -> broker::Page {
    let broker: Arc<dyn Broker> = memory.broker.clone();
    let page = broker.page(stream, after, PageLimit::MAX).now_or_never();
    page.expect("memory answers at once").expect("it is read")
}

fn names_in(memory: &Memory) -> Vec<String> {
    let entries = std::fs::read_dir(memory.folder()).expect("it is listed");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("it is listed").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
