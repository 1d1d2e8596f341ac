//! The engine in this process.

use crate::{conformance, kit};

#[tokio::test(flavor = "multi_thread")]
async fn memory_keeps_to_everything() {
    let store = kit::open(kit::memory()).await;
    conformance::all(&store).await;
    let status = store.status().await.unwrap();
    assert_eq!((status.backend, status.engine), ("memory", Some("memory")));
}
