//! Asking replicas how they are, all the while.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::{field::Field, http, kind::backend};

const PAUSE: Duration = Duration::from_millis(250);

/// The slowest answer about health, in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Slowest(AtomicU64);

impl Slowest {
    pub(crate) fn ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Asks one replica until it is cancelled.
pub(crate) async fn watch(field: Arc<Field>, replica: usize, slowest: Arc<Slowest>) {
    loop {
        if let Some(address) = field.replicas[replica].address() {
            let asked = Instant::now();
            if http::get(address, "/api/health").await.is_ok() {
                let took = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
                slowest.0.fetch_max(took, Ordering::Relaxed);
            }
        }
        sleep(PAUSE).await;
    }
}

/// Returns why a replica is not as it should be in a calm, if it is not.
pub(crate) async fn unwell(field: &Field, replica: usize) -> Option<String> {
    let Some(address) = field.replicas[replica].address() else {
        return Some(format!("replica {replica} does not run"));
    };
    match http::get(address, "/api/health").await {
        Err(error) => return Some(format!("replica {replica}: {error}")),
        Ok(answer) if answer.status != 200 => {
            let health = answer.json();
            let reason = &health["checks"]["realtime"]["reason"];
            return Some(format!("replica {replica} is not healthy: {reason}"));
        }
        Ok(_) => {}
    }
    let switch = http::get(address, "/api/admin/cutover").await;
    if let Ok(status) = switch.map(|answer| answer.json())
        && !backend::is_on_redis(&status)
    {
        return Some(format!("replica {replica} has streams in its memory: {status}"));
    }
    let metrics = http::get(address, "/metrics").await.ok()?;
    let text = String::from_utf8_lossy(&metrics.body).into_owned();
    let spool = text.lines().find_map(|line| line.strip_prefix("tidegate_spool_events "));
    let spooled = spool.map(str::trim).filter(|count| *count != "0" && *count != "0.0");
    spooled.map(|count| format!("replica {replica} has {count} events in its spool"))
}

/// Returns why one of the replicas is not as it should be, if one is not.
pub(crate) async fn all_unwell(field: &Field) -> Option<String> {
    for replica in 0..field.replicas.len() {
        if let Some(why) = unwell(field, replica).await {
            return Some(why);
        }
    }
    None
}
