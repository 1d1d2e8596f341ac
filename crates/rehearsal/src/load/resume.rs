//! One more client, for a moment: it reads an event, goes away, and comes back behind it.

use std::{net::SocketAddr, time::Duration};

use tokio::time::timeout;

use super::{
    Load,
    wire::{Message, Stream, Target, Transport, Way},
};

/// How long the load may take to send what is waited for, and what was missed to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many events are missed.
const MISSED: usize = 3;

impl Load {
    /// Looks whether a stream at an address goes on, by `Last-Event-ID`, behind the first event that a
    /// client had: what came after it comes again, each with its own number, and then what is new.
    ///
    /// # Errors
    /// Fails with what came instead.
    pub async fn resumes(&self, at: SocketAddr) -> Result<(), String> {
        let (transport, target) = (Transport::Sse, Target::Events);
        let way = Way { router: at, key: self.key.clone(), transport, target };
        let seen = events(&way, None, MISSED + 1).await?;
        let Some((first, missed)) = seen.split_first() else { return Err("no event came".into()) };
        // One more than was missed: it is new, and shows that the stream goes on.
        let again = events(&way, Some(&first.0), MISSED + 1).await?;
        match again.starts_with(missed) {
            true => Ok(()),
            false => Err(format!(
                "behind {} came {} and not {}",
                first.0,
                numbers(&again),
                numbers(missed)
            )),
        }
    }
}

/// Returns so many events of a stream: the place of each, and its number.
async fn events(
    way: &Way,
    after: Option<&str>,
    count: usize,
) -> Result<Vec<(String, u64)>, String> {
    let reading = async {
        let mut stream = Stream::open(way, after).await.map_err(|ended| ended.to_string())?;
        let mut events = Vec::new();
        while events.len() < count {
            match stream.next().await.map_err(|ended| ended.to_string())? {
                Message::Event { place, .. } => events.push((place.cursor, place.seq)),
                Message::Gap { reason, .. } => return Err(format!("a gap was told: {reason}")),
                Message::Goodbye { .. } => return Err("it was sent away".to_owned()),
                Message::Begins(_) | Message::Other => {}
            }
        }
        Ok(events)
    };
    let late = |_| format!("{count} events did not come within {} s", PATIENCE.as_secs());
    timeout(PATIENCE, reading).await.map_err(late)?
}

fn numbers(events: &[(String, u64)]) -> String {
    events.iter().map(|(_, seq)| seq.to_string()).collect::<Vec<_>>().join(", ")
}
