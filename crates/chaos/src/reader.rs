//! Readers: each follows the log over one transport, comes back after every end, and does what it is
//! told: moves, changes the transport, or stops reading for a while.

pub(crate) mod record;

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use self::record::{Connection, Record};
use crate::{
    field::Field,
    load::Order,
    wire::{Ended, Message, Stream, Transport},
};

/// How long a reader rests before it comes back.
const REST: Duration = Duration::from_millis(100);

/// After so long without a byte a stream counts as broken: it is almost three heartbeats.
const SILENCE_MAX: Duration = Duration::from_secs(40);

/// A reader.
pub(crate) struct Reader {
    pub(crate) index: usize,
    pub(crate) seed: u64,
    pub(crate) field: Arc<Field>,
    pub(crate) record: Arc<Mutex<Record>>,
    pub(crate) transport: Transport,
    pub(crate) orders: watch::Receiver<Order>,
    /// The replica that it is at, or tries next.
    pub(crate) at: usize,
}

/// Why a reader left a stream.
enum Left {
    /// It has read the last event.
    Finished,
    /// It was told to.
    Told(Order),
    Ended(Ended),
}

impl Reader {
    /// Reads until the last event has come.
    pub(crate) async fn run(mut self) {
        while !self.field.load.is_done() {
            let Some(address) = self.field.replicas[self.at].address() else {
                self.next_where_it_roams();
                sleep(REST).await;
                continue;
            };
            let after = self.record.lock().last();
            let opened = Stream::open(address, self.transport, after).await;
            self.record.lock().connected(Connection {
                replica: self.at,
                transport: self.transport,
                after: after.map(|after| after.to_string()),
            });
            let left = match opened {
                Ok(stream) => self.follow(stream).await,
                Err(ended) => Left::Ended(ended),
            };
            match left {
                Left::Finished => return,
                Left::Told(order) => {
                    self.record.lock().left(&format!("{order:?}"));
                    self.at = (self.at + 1) % self.field.replicas.len();
                    if let Order::Switch { .. } = order {
                        self.transport = self.transport.other();
                    }
                }
                Left::Ended(ended) => {
                    self.record.lock().ended(&ended);
                    self.next_where_it_roams();
                    sleep(REST).await;
                }
            }
        }
    }

    /// Every other reader goes to another replica where one does not serve it.
    fn next_where_it_roams(&mut self) {
        if self.index % 4 >= 2 {
            self.at = (self.at + 1) % self.field.replicas.len();
        }
    }

    async fn follow(&mut self, mut stream: Stream) -> Left {
        loop {
            let read = tokio::select! {
                biased;
                read = timeout(SILENCE_MAX, stream.next()) => read,
                Ok(()) = self.orders.changed() => {
                    let order = *self.orders.borrow_and_update();
                    if !order.concerns(self.seed, self.index) {
                        continue;
                    }
                    match order {
                        Order::None => continue,
                        Order::Move { .. } | Order::Switch { .. } => return Left::Told(order),
                        Order::Rest { ms, .. } => {
                            sleep(Duration::from_millis(ms)).await;
                            continue;
                        }
                    }
                }
            };
            match read {
                Ok(Ok(message)) => {
                    if self.take(message) {
                        return Left::Finished;
                    }
                }
                Ok(Err(ended)) => return Left::Ended(ended),
                Err(_) => {
                    self.record.lock().was_silent();
                    return Left::Ended(Ended::Closed);
                }
            }
        }
    }

    /// Takes a message; returns whether it was the last one.
    fn take(&self, message: Message) -> bool {
        let mut record = self.record.lock();
        match message {
            Message::Begins { resume, last } => record.begins(&resume, last),
            Message::Event { at, json } => return record.event(at, &json),
            Message::Gap { reason, resumes_at } => record.gap(self.at, &reason, resumes_at),
            Message::Goodbye(reason) => record.left(&format!("goodbye {reason}")),
            Message::Other => {}
        }
        false
    }
}
