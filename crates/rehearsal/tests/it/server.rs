//! The stack and the load with the server's real binary, Redis and HAProxy.

use std::time::{Duration, Instant};

use guard::Arm;
use rehearsal::{ChatLoad, Fault, Load, LoadSettings, ReplicaState, Rollout, compare};
use tokio::time::sleep;
use traffic::{Router, UnixTime, Weight, haproxy::HaproxyRouter};

use crate::support::{
    field::{Field, chat_server, more, server},
    until,
};

/// How long the last event may take.
const SETTLE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_load_on_a_stack_that_is_well_passes() {
    let field = Field::start().await;
    let before = field.stack.capture().await;
    let load = field.load().await;
    more(&load, 60).await;
    let verdict = load.settle(SETTLE).await;
    assert!(verdict.passed && verdict.ledger.checked >= 60 * 20, "{verdict:?}");
    assert_eq!((verdict.ledger.open.stable, verdict.ledger.open.total()), (20, 20));
    more(&load, 20).await;
    let verdict = load.finish(SETTLE).await;
    assert!(verdict.passed && verdict.ledger.failures.total() == 0, "{verdict:?}");
    assert_eq!(compare(&before, &field.stack.capture().await), []);
    let replica = &before.replicas["stable-1"];
    assert_eq!(replica.settings["TIDEGATE_KEYS"], "[secret]");
    assert_eq!(replica.realtime["selected_backend"], "redis");
    assert!(before.redis_version.is_some_and(|version| version.contains("v=")));
    let ended = field.stack.end().await;
    assert!(ended.len() == 2 && ended.iter().all(|(_, stopped)| stopped.graceful), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_rolled_out_and_nobody_loses_anything() {
    let field = Field::start().await;
    let before = field.stack.capture().await;
    let load = field.load().await;
    more(&load, 10).await;
    let name = "REALTIME_REPLAY_MAX_EVENTS";
    let set = [(name.to_owned(), "5000".to_owned())].into();
    let rollout = Rollout { set, ..Rollout::default() };
    let rolled = field.stack.roll_out(Arm::Stable, &rollout).await.expect("both start again");
    assert_eq!(rolled.len(), 2);
    assert!(rolled.iter().all(|it| it.stopped.is_some_and(|it| it.graceful)), "{rolled:?}");
    more(&load, 10).await;
    let verdict = load.finish(SETTLE).await;
    assert!(verdict.passed && verdict.ledger.goodbyes.stable >= 20, "{verdict:?}");
    let expected = ["stable-1", "stable-2"].map(|it| format!("replicas.{it}.settings.{name}"));
    // A replica may say for a moment after its start that it is degraded.
    let began = Instant::now();
    loop {
        let found = compare(&before, &field.stack.capture().await);
        let places: Vec<_> = found.iter().map(|difference| difference.what.clone()).collect();
        if places == expected {
            break;
        }
        assert!(began.elapsed() < SETTLE, "{found:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_gets_its_clients_and_loses_them_again() {
    let field = Field::start().await;
    let router = HaproxyRouter::new(field.stack.layout().router(), "run-1".parse().unwrap());
    let router = router.expect("these are names");
    let load = field.load().await;
    let set = |value: &str| [("REALTIME_REPLAY_MAX_EVENTS".to_owned(), value.to_owned())].into();
    let rollout = Rollout { set: set("3000"), ..Rollout::default() };
    field.stack.roll_out(Arm::Stable, &rollout).await.expect("they start again");
    let rollout = Rollout { program: Some(server()), ..Rollout::default() };
    field.stack.roll_out(Arm::Canary, &rollout).await.expect("the candidate starts");
    let candidate = field.stack.replica("canary-1").unwrap();
    assert_eq!(candidate.settings()["REALTIME_REPLAY_MAX_EVENTS"], "3000");
    let now = router.observe().await.expect("the router is there").now;
    router.acquire(UnixTime(now.0 + 600)).await.expect("it is nobody's");
    router.assign(Weight::from_percent(50.0).unwrap()).await.expect("it is leased");
    // Streams stay where they are until they end; requests move at once.
    until("both arms are measured", || !load.pairs().is_empty()).await;
    field.stack.roll_out(Arm::Stable, &Rollout::default()).await.expect("they start again");
    until("half of the streams are on the candidate", || load.ledger().open.canary == 10).await;
    router.assign(Weight::NONE).await.expect("it is ours");
    field.stack.goodbye(Arm::Canary).await;
    until("everybody is back", || load.ledger().open.stable == 20).await;
    until("it has ended", || candidate.state() == ReplicaState::Stopped).await;
    assert_eq!((candidate.restarts(), candidate.pid()), (0, None));
    let verdict = load.finish(SETTLE).await;
    assert!(verdict.passed && verdict.ledger.goodbyes.canary >= 10, "{verdict:?}");
    // It can be had again, and ended by somebody who waits.
    candidate.start().await.expect("it starts again");
    candidate.dismiss().await;
    candidate.start().await.expect("it ends and starts again");
    let ended = field.stack.withdraw(Arm::Canary).await.expect("the router does as it is told");
    assert!(ended.len() == 1 && ended[0].1.graceful, "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_replica_is_started_again_and_counted() {
    let field = Field::start().await;
    let load = field.load().await;
    more(&load, 10).await;
    let fault = Fault::ReplicaKilled("stable-1".into());
    for times in 1..=2 {
        field.stack.inject(&fault).await.expect("it runs");
        until("it was started again", || field.stack.restarts(Arm::Stable) == times).await;
        let replica = field.stack.replica("stable-1").unwrap();
        until("it runs", || replica.state() == ReplicaState::Running).await;
        assert!(replica.last_end().is_some_and(|end| end.contains("signal: 9")));
    }
    assert_eq!(field.stack.restarts(Arm::Canary), 0);
    more(&load, 10).await;
    let verdict = load.finish(SETTLE).await;
    assert!(verdict.passed && verdict.ledger.breaks.stable > 0, "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_lost_and_mended_costs_no_event() {
    // Without this, replicas go on without Redis, each for itself, and a key may have two effects.
    let field = Field::start_with(server(), |settings| {
        settings.settings.insert("REALTIME_BACKEND".into(), "redis".into());
        settings.settings.insert("REALTIME_ENFORCE_REDIS".into(), "true".into());
    });
    let field = field.await.unwrap_or_else(|error| panic!("{error}"));
    let load = field.load().await;
    for fault in ["redis-hangs", "redis-killed", "redis-cut-off", "redis-slow=20ms"] {
        let fault = Fault::parse(fault).unwrap();
        more(&load, 10).await;
        field.stack.inject(&fault).await.expect("there is a Redis");
        let broken = Instant::now();
        // Some events meet it.
        until("a while", || broken.elapsed() > Duration::from_millis(500)).await;
        field.stack.mend(&fault).await.expect("it starts again");
    }
    more(&load, 10).await;
    let verdict = load.finish(SETTLE).await;
    assert!(verdict.passed, "{verdict:?}");
    let fault = Fault::DatabaseHangs;
    let missing = field.stack.inject(&fault).await.map_err(|error| error.to_string());
    assert_eq!(missing, Err("this stack has no database server".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_chat_are_accounted_for() {
    let field = Field::start_with(chat_server(), |settings| settings.stable_replicas = 1).await;
    let field = field.unwrap_or_else(|error| panic!("{error}"));
    let chat = Some(ChatLoad { threads: 2, messages_per_second: 40.0 });
    let settings = LoadSettings { chat, events_per_second: 0.0, ..field.load_settings() };
    let load = Load::start(settings).await.unwrap_or_else(|error| panic!("{error}"));
    more(&load, 40).await;
    let verdict = load.finish(SETTLE).await;
    assert!(verdict.passed, "{verdict:?}");
    let chat = verdict.chat.expect("there is chat");
    assert!(chat.threads == 2 && chat.messages >= 40 && verdict.ledger.checked >= 80, "{chat:?}");
}
