//! What the tests share: messages, threads and how to open.

use std::{future::Future, path::Path, time::Duration};

use faults::{SURREAL_PASSWORD, SURREAL_USER};
use store::{
    Backend, Credentials, Endpoint, Message, Password, Place, Privacy, Server, Store, StoreOptions,
    Thread,
};
use tokio::time::{Instant, sleep};

/// How long anything may take before a test is given up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn memory() -> StoreOptions {
    StoreOptions::new(Backend::Memory)
}

pub(crate) fn embedded(folder: &Path) -> StoreOptions {
    let mut options = StoreOptions::new(Backend::Embedded(folder.to_owned()));
    // A machine under load is no fault here.
    options.deadline = PATIENCE;
    options
}

pub(crate) fn server(address: std::net::SocketAddr) -> StoreOptions {
    server_as(address, SURREAL_USER, SURREAL_PASSWORD)
}

pub(crate) fn server_as(address: std::net::SocketAddr, user: &str, password: &str) -> StoreOptions {
    let endpoint = Endpoint::parse(&format!("ws://{address}")).expect("it is an address");
    let credentials = Credentials { user: user.into(), password: Password::new(password) };
    let place = Place::default();
    let backend = Backend::Surreal(Server { endpoint, place, credentials: Some(credentials) });
    let mut options = StoreOptions::new(backend);
    options.deadline = PATIENCE;
    options.open_deadline = PATIENCE;
    options
}

pub(crate) async fn open(options: StoreOptions) -> Store {
    Store::open(options).await.expect("it opens")
}

pub(crate) fn message(thread: &str, seq: u64) -> Message {
    Message {
        thread_id: thread.into(),
        seq,
        message_id: format!("msg_{thread}_{seq}"),
        author_id: "user-1".into(),
        body: format!("message {seq} \u{1f30a}"),
        attachments: vec![format!("{{\"id\":{seq}}}")],
        created_at_ms: 1_700_000_000_000 + seq,
        request_id: Some(format!("request {seq}")),
        correlation_id: None,
    }
}

pub(crate) fn messages(thread: &str, from: u64, to: u64) -> Vec<Message> {
    (from..=to).map(|seq| message(thread, seq)).collect()
}

pub(crate) fn thread(id: &str, scope: &str) -> Thread {
    Thread {
        thread_id: id.into(),
        org_id: "org-1".into(),
        scope_id: scope.into(),
        privacy_level: Privacy::Private,
        created_by: "user-1".into(),
        created_at_ms: 1_700_000_000_000,
    }
}

/// Asks again until the answer is there, with a bound.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(10)).await;
    }
}
