//! A worker that is stuck, and one that panics.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use broker::SystemClock;
use delivery::{Probe, ProbeError};
use event::{After, Clock, MonoMs, UnixMs};
use parking_lot::{Condvar, Mutex};

use super::site::{Next, Site, eventually, options, stream};

/// Long enough on any machine.
const LONG: Duration = Duration::from_secs(120);

/// A clock that holds up one worker, or makes it panic, when it asks for the time.
#[derive(Default)]
struct Trap {
    clock: SystemClock,
    stuck: Mutex<bool>,
    freed: Condvar,
    panics: AtomicBool,
}

impl Clock for Trap {
    fn mono(&self) -> MonoMs {
        if std::thread::current().name() == Some("delivery-0") {
            let mut stuck = self.stuck.lock();
            self.freed.wait_while(&mut stuck, |stuck| *stuck);
            drop(stuck);
            assert!(!self.panics.swap(false, Ordering::SeqCst), "a panic, as the test has it");
        }
        self.clock.mono()
    }

    fn unix(&self) -> UnixMs {
        self.clock.unix()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_finds_a_worker_that_is_stuck() {
    let trap = Arc::new(Trap::default());
    let site = Site::start_with(options(), trap.clone()).await;
    let mut probe = Probe::open(&site.delivery).await.expect("it opens");
    for _ in 0..3 {
        probe.run(&site.broker, &*trap, LONG).await.expect("all workers deliver");
    }
    assert_eq!((site.delivery.open_readers(), site.delivery.client_readers()), (3, 0));
    *trap.stuck.lock() = true;
    let late = probe.run(&site.broker, &*trap, Duration::from_millis(100)).await;
    assert!(matches!(late, Err(ProbeError::Late(_))), "{late:?}");
    *trap.stuck.lock() = false;
    trap.freed.notify_all();
    probe.run(&site.broker, &*trap, LONG).await.expect("it delivers again");
    site.delivery.stop().await;
    let gone = probe.run(&site.broker, &*trap, LONG).await;
    assert!(matches!(gone, Err(ProbeError::Socket(_))), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_worker_costs_connections_and_no_event() {
    let trap = Arc::new(Trap::default());
    let site = Site::start_with(options(), trap.clone()).await;
    let mut clients = Vec::new();
    for number in 0..30 {
        clients.push(site.connect(&stream(number), After::Head).await);
        site.publish(&stream(number), 1, 10).await;
    }
    for client in &mut clients {
        client.read_to(1).await;
    }
    trap.panics.store(true, Ordering::SeqCst);
    for number in 0..30 {
        site.publish(&stream(number), 2, 10).await;
    }
    eventually("a worker has panicked", || !trap.panics.load(Ordering::SeqCst)).await;
    let mut cut = 0;
    for (number, client) in clients.iter_mut().enumerate() {
        // Who is cut off may have had the event before.
        while client.at.seq.0 < 2 && client.next().await != Next::End {}
        if client.at.seq.0 < 2 {
            cut += 1;
            *client = site.connect(&stream(number), After::At(client.at)).await;
        }
        client.read_to(2).await;
    }
    println!("{cut} of 30 were cut off");
    for (number, client) in clients.iter().enumerate() {
        let mut again = site.connect(&stream(number), After::At(client.at)).await;
        site.publish(&stream(number), 3, 10).await;
        again.read_to(3).await;
    }
    site.delivery.stop().await;
    assert_eq!(site.metric(r#"streams_open{transport="sse"}"#).as_deref(), Some("0"));
}
