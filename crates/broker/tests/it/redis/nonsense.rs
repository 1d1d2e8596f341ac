//! What answers and is no Redis that we can use: named, in bounded time, and nothing is believed.

use std::{sync::Arc, time::Duration};

use broker::{
    Append, AppendError, Appended, Broker, HealthState, PageLimit, RedisBroker, RedisOptions,
    conformance::new_event,
};
use event::After;
use faults::FakeRedis;
use tokio::time::timeout;

use crate::support::{
    logs::golden_stream,
    redis::{WIDE, health_says, options, replica},
};

/// Far beyond the time that a call has.
const PATIENCE: Duration = Duration::from_secs(20);

fn quick(server: &FakeRedis) -> RedisOptions {
    RedisOptions {
        connect_time_max: Duration::from_millis(300),
        command_time_max: Duration::from_millis(300),
        ..options(&server.url(), WIDE)
    }
}

async fn bounded_append(broker: &dyn Broker) -> Result<Appended, AppendError> {
    let stream = golden_stream();
    let appended = broker.append(&stream, Append::one(new_event()));
    timeout(PATIENCE, appended).await.expect("it is bounded")
}

async fn is_unhealthy(server: &FakeRedis, expected: &str) {
    let broker = RedisBroker::start(quick(server)).expect("the address is one");
    assert_eq!(health_says(&broker, expected).await, HealthState::Unhealthy);
    let appended = bounded_append(&broker).await;
    assert!(matches!(appended, Err(AppendError::Unavailable { maybe: false, .. })), "{appended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_too_old_is_told_which_is_needed() {
    let server = FakeRedis::start(|command| FakeRedis::greeting(command, "2.8.24")).await;
    is_unhealthy(&server, "Redis 2.8.24 is too old: 6.2 or newer is needed").await;
    // The real ones of that age know no HELLO.
    let server = FakeRedis::start(|command| match command[0].as_str() {
        "HELLO" => Some(b"-ERR unknown command 'HELLO'\r\n".to_vec()),
        _ => FakeRedis::greeting(command, "2.8.24"),
    });
    is_unhealthy(&server.await, "6.2 or newer is needed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_another_kind_is_unhealthy() {
    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", "\0\0\0", "*-7\r\n", "$99999999999\r\nx", ""]
    {
        let server = FakeRedis::start(move |_| Some(answer.as_bytes().to_vec())).await;
        is_unhealthy(&server, "").await;
    }
    let server = FakeRedis::start(|_| None).await;
    is_unhealthy(&server, "in time").await;
    let server = FakeRedis::start(|command| match command[0].as_str() {
        "INFO" => Some(b"$5\r\nhello\r\n".to_vec()),
        _ => FakeRedis::greeting(command, "7.0.0"),
    });
    is_unhealthy(&server.await, "too old").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_make_no_sense_are_never_believed() {
    const STATE: &str = "*4\r\n+state\r\n+7d3y73z2rq4mn:0:w\r\n+3\r\n+fake\r\n";
    for answer in [
        "+OK\r\n",
        ":1\r\n",
        "_\r\n",
        "*0\r\n",
        "*1\r\n+first\r\n",
        "*4\r\n+first\r\n+x\r\n+y\r\n+z\r\n",
        "*2\r\n+replayed\r\n+what\r\n",
        "*1\r\n+surprise\r\n",
        "*4\r\n+state\r\n+lineage\r\n+x\r\n+\r\n",
        "*7\r\n+page\r\n+7d3y73z2rq4mn:0:w\r\n+3\r\n+fake\r\n+0\r\n+\r\n*1\r\n+entry\r\n",
        "%1\r\n+a\r\n+b\r\n",
        "$99999999999\r\nx",
        "#t\r\n\r\n\r\nnonsense\r\n",
    ] {
        let server = FakeRedis::start(move |command| match command[0].as_str() {
            // The state is told once, so that the append itself meets the nonsense.
            "FCALL_RO" if command[1].ends_with("state") => Some(STATE.as_bytes().to_vec()),
            "FCALL" | "FCALL_RO" => Some(answer.as_bytes().to_vec()),
            "SUBSCRIBE" => Some(b">3\r\n+subscribe\r\n+channel\r\n:1\r\n".to_vec()),
            _ => FakeRedis::greeting(command, "7.0.0"),
        });
        let server = server.await;
        let broker = replica(&quick(&server)).await as Arc<dyn Broker>;
        let appended = bounded_append(&*broker).await;
        let Err(AppendError::Unavailable { maybe, reason }) = &appended else {
            panic!("{answer:?}: {appended:?}")
        };
        println!("{answer:?}: {reason}");
        // A state that can't be read says at least that nothing was appended.
        assert!(*maybe || answer.contains("+state") || answer.contains("+replayed"), "{answer:?}");
        let stream = golden_stream();
        let page = broker.page(&stream, &After::Oldest, PageLimit::MAX);
        let page = timeout(PATIENCE, page).await.expect("it is bounded");
        assert!(page.is_err(), "{answer:?}: {page:?}");
    }
}
