//! Who comes first, and that nobody else is inside.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    task::{JoinSet, yield_now},
    time::{Duration, Instant},
};

use super::{Row, Turn, rows};
use crate::{Backend, StoreOptions, client::Client, migration::migrate};

#[test]
fn smaller_numbers_and_those_who_draw_come_first() {
    let turn = Turn { me: "b".into() };
    let row = |me: &str, number| Row { me: me.into(), number };
    assert!(turn.yields_to(3, &row("z", 0)), "it may draw a smaller number");
    assert!(turn.yields_to(3, &row("z", 2)));
    assert!(turn.yields_to(3, &row("a", 3)));
    assert!(!turn.yields_to(3, &row("c", 3)));
    assert!(!turn.yields_to(3, &row("a", 4)));
    assert!(!turn.yields_to(3, &row("b", 3)), "that is our own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_at_a_time_is_inside() {
    const ROUNDS: usize = 3;
    const QUEUE: usize = 6;
    let client = Client::new(StoreOptions::new(Backend::Memory)).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    migrate(&client, deadline).await.unwrap();
    let (client, inside) = (Arc::new(client), Arc::new(AtomicUsize::new(0)));
    let mut queue = JoinSet::new();
    for _ in 0..QUEUE {
        let (client, inside) = (Arc::clone(&client), Arc::clone(&inside));
        queue.spawn(async move {
            for _ in 0..ROUNDS {
                let turn = Turn::take(&client, deadline).await.unwrap();
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "somebody is inside");
                // A real one does some queries meanwhile.
                rows(&client, deadline).await.unwrap();
                yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                turn.end(&client, deadline).await;
            }
        });
    }
    while let Some(ended) = queue.join_next().await {
        ended.unwrap();
    }
    assert_eq!(rows(&client, deadline).await.unwrap(), []);
}
