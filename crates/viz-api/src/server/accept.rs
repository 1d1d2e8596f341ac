//! The accept loop: bounded, and ended by the shutdown at once.
//!
//! A connection whose first request is there already and opens a stream is done with before it was
//! made known to a poller or given a task: both cost more than all that it needs here. Nothing else
//! runs in the accept task: every other request, and whatever has to be waited for, has a task of its
//! own, and a panic ends one connection and never the accepting.

use std::{
    future::poll_fn, io, os::fd::OwnedFd, panic::AssertUnwindSafe, pin::Pin, sync::Arc, task::Poll,
    time::Duration,
};

use futures_util::FutureExt;
use node_runtime::{TASKS_SHARE, Tasks};
use tokio::{io::unix::AsyncFd, net::TcpListener, sync::Semaphore, task::JoinSet, time::timeout};

use super::{
    connection,
    first::{First, Head},
};
use crate::{AppState, router};

/// Most connections that speak HTTP at one time; event streams are not among them. At the limit
/// the next one waits in the kernel's queue.
const CONNECTIONS_MAX: usize = 16_384;

/// How long accepting pauses where the process has no more files.
const PAUSE: Duration = Duration::from_millis(50);

/// The share of the shutdown's time in which requests that were begun may still be finished.
pub(crate) const FINISH_SHARE: f64 = TASKS_SHARE - CUT_OFF_SHARE;

/// The share in which what is cut off then has to be gone: the task that accepts, which waits for it,
/// is cut off itself at the end of [`TASKS_SHARE`].
const CUT_OFF_SHARE: f64 = 0.05;

const _: () = assert!(FINISH_SHARE > 0.0, "no time is left to finish requests");

/// Serves HTTP on a listener until the shutdown; then waits for what was begun.
pub async fn serve(listener: TcpListener, app: Arc<AppState>, tasks: Tasks) {
    if let Err(error) = connection::tune(&listener) {
        tracing::warn!(%error, "connections can't be tuned: peers that vanish are found late");
    }
    let listener = match without_poller(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "nothing can be accepted"),
    };
    let router = router(Arc::clone(&app));
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut end = tasks.shutdown();
    let mut connections = JoinSet::new();
    loop {
        let seat = tokio::select! {
            () = end.asked() => break,
            seat = Arc::clone(&room).acquire_owned() => seat,
            Some(_) = connections.join_next() => continue,
        };
        while connections.try_join_next().is_some() {}
        let stream = tokio::select! {
            () = end.asked() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener) => match accepted {
                Ok(stream) => stream,
                Err(error) => {
                    after_error(&error).await;
                    continue;
                }
            },
        };
        let Some(rest) = open_now(First::of(stream), &app).await else { continue };
        let (router, app, end) = (router.clone(), Arc::clone(&app), tasks.shutdown());
        connections.spawn(async move {
            let first = match rest {
                Rest::First(first) => Some(first),
                Rest::Opening(opening) => opening.await,
            };
            if let Some(first) = first {
                connection::serve(first, router, app, end).await;
            }
            drop(seat);
        });
    }
    drop(listener);
    let within = app.state().settings.drain.mul_f64(FINISH_SHARE);
    finish(connections, within).await;
}

/// What is left to do for a connection.
enum Rest {
    /// All of it.
    First(First),
    /// Its stream is being opened; gives it back where its request takes the slow path.
    Opening(Pin<Box<dyn Future<Output = Option<First>> + Send>>),
}

/// Opens the stream that a connection asks for, as far as nothing has to be waited for; `None` where
/// nothing is left to do.
async fn open_now(first: First, app: &Arc<AppState>) -> Option<Rest> {
    match first.head() {
        Head::Gone => return None,
        Head::Whole => {}
        _ => return Some(Rest::First(first)),
    }
    let app = Arc::clone(app);
    begin(async move { connection::open(first, &app).await }).await
}

/// Opens a stream as far as nothing has to be waited for; a panic ends its connection alone.
async fn begin(opening: impl Future<Output = Option<First>> + Send + 'static) -> Option<Rest> {
    // The panic hook has written message and place to the log.
    let opening = AssertUnwindSafe(opening).catch_unwind().map(|opened| opened.ok().flatten());
    let mut opening = Box::pin(opening);
    match poll_fn(|cx| Poll::Ready(opening.as_mut().poll(cx))).await {
        Poll::Ready(opened) => opened.map(Rest::First),
        Poll::Pending => Some(Rest::Opening(opening)),
    }
}

/// Takes a listener out of the type that makes every connection known to the poller.
#[expect(deprecated, reason = "the other way in is unsafe code; this descriptor never changes")]
fn without_poller(listener: TcpListener) -> io::Result<AsyncFd<mio::net::TcpListener>> {
    AsyncFd::new(mio::net::TcpListener::from_std(listener.into_std()?))
}

/// Waits for a connection; it is in non-blocking mode and known to no poller.
async fn accept(listener: &AsyncFd<mio::net::TcpListener>) -> io::Result<std::net::TcpStream> {
    let take = |listener: &mio::net::TcpListener| listener.accept();
    let (stream, _) = listener.async_io(tokio::io::Interest::READABLE, take).await?;
    Ok(OwnedFd::from(stream).into())
}

/// Waits for requests that were begun; a peer that holds one open does not hold up the shutdown.
async fn finish(mut connections: JoinSet<()>, within: Duration) {
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(within, all).await.is_err() {
        tracing::warn!(count = connections.len(), "unfinished requests were cut off");
        connections.shutdown().await;
    }
}

async fn after_error(error: &io::Error) {
    // A peer that gave up while it waited is nothing; a lack of files passes.
    if error.kind() != io::ErrorKind::ConnectionAborted {
        tracing::error!(%error, "no connection can be accepted now");
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::task::yield_now;

    use super::{Rest, begin};

    #[tokio::test]
    async fn a_panic_ends_an_opening_and_not_the_accepting() {
        assert!(begin(async { panic!("as a route might") }).await.is_none());
        let later = async {
            yield_now().await;
            panic!("as a route might")
        };
        let Some(Rest::Opening(opening)) = begin(later).await else { panic!("it waits") };
        assert!(opening.await.is_none());
    }

    #[tokio::test]
    async fn nothing_is_waited_for() {
        assert!(begin(ready(None)).await.is_none(), "it is done");
        assert!(matches!(begin(pending()).await, Some(Rest::Opening(_))));
    }
}
