//! Traffic through a real HAProxy.

use std::{fs::File, time::Duration};

use conductor::{Effect, LeaseError, Pace, World};
use deployment::DeploymentError;
use guard::Verdict;
use jiff::Timestamp;
use traffic::{Client, UnixTime, Weight};

use crate::support::{
    edge::Edge,
    eventually,
    stage::{Stage, left},
};

fn steps(percent: f64) -> String {
    format!(
        "1. Run the canary. <!-- run: traffic id=S1 -->\n\n   ```toml traffic\n   \
         weight_percent = {percent:?}\n   hold = \"10m\"\n   requests_per_second = 50\n   ```\n\n   \
         ```toml undo\n   what = \"take it out\"\n   ```\n"
    )
}

fn soon() -> Timestamp {
    Timestamp::now().checked_add(Duration::from_secs(300)).unwrap()
}

/// Ten minutes in 0.6 s.
fn fast() -> Pace {
    Pace::new(1000.0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_has_its_share_and_is_taken_out_with_both_clocks() {
    let mut stage = Stage::new().await;
    let edge = Edge::before(&mut stage).await;
    let acting = stage.act(&steps(25.0));
    let world = &acting.deployment;
    world.keep("run-1", soon()).await.unwrap();
    let mut work = acting.work(Some("S1"));
    work.pace = fast();
    assert_eq!(world.read_back(&work).await.effect, Effect::No);
    let done = world.carry_out(&work).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    assert_eq!(left(&done, "traffic.json")["weight_percent"], 25.0);
    // Who comes back to it does not know for how long it was held.
    let found = world.read_back(&work).await;
    assert_eq!(found.effect, Effect::No, "{found:?}");
    assert!(found.text.contains("held anew"), "{found:?}");
    let share = world.traffic().await.unwrap().unwrap();
    assert!((share.canary_percent - 25.0).abs() < 1e-9, "{share:?}");

    // A stream that stays where it is.
    let key = Client::probes("reader", Weight::from_percent(25.0).unwrap()).next().unwrap();
    let stream = open_stream(&stage.service, &key).await;
    eventually("the stream is on the canary", async || {
        (edge.seen().await.canary.open == 1).then_some(())
    })
    .await;
    let mut undo = acting.work(Some("undo:S1"));
    assert!(world.acts(&undo.step));
    assert_eq!(world.read_back(&undo).await.effect, Effect::No);
    undo.within = Duration::from_secs(20);
    undo.going_back_since = Some(Timestamp::now());
    let done = world.carry_out(&undo).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    let record = left(&done, "withdrawal.json");
    let (stopped, gone) = (record["new_traffic_ms"].as_u64(), record["residual_ms"].as_u64());
    assert!(stopped.unwrap() <= gone.unwrap(), "{record}");
    assert_eq!((&record["open_at_stop"], &record["evicted"]), (&1.into(), &1.into()));
    let clocks = world.clocks();
    assert!(clocks.new_traffic_at.unwrap() <= clocks.residual_at.unwrap(), "{clocks:?}");
    let residual = clocks.residual_at.unwrap().duration_since(undo.going_back_since.unwrap());
    // What people are shown is what is signed.
    assert_eq!(u64::try_from(residual.as_millis()).ok(), gone);
    assert_eq!(*stage.hands.done.lock().unwrap(), ["goodbye canary"]);
    assert_eq!(world.read_back(&undo).await.effect, Effect::Yes);
    drop(stream);
    // It can be given traffic again, and is nobody's at the end.
    assert_eq!(world.carry_out(&work).await.verdict, Verdict::Pass);
    world.keep("run-1", Timestamp::now()).await.unwrap();
    let seen = edge.seen().await;
    assert_eq!((seen.weight, seen.owner), (Weight::NONE, None));
}

async fn open_stream(service: &str, key: &str) -> tokio::net::TcpStream {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = service.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    // Whoever is no client of ours has a path of its own that stays open.
    let request = format!("GET /api/held HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(stream.read_u8().await.is_ok());
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_that_somebody_else_takes_away_fails() {
    let mut stage = Stage::new().await;
    let edge = Edge::before(&mut stage).await;
    let acting = stage.act(&steps(10.0));
    let world = &acting.deployment;
    world.keep("run-1", soon()).await.unwrap();
    let work = acting.work(Some("S1"));
    let other = edge.router("run-1");
    let taking_away = async {
        eventually("it has its share", async || {
            (edge.seen().await.weight.percent() > 9.0).then_some(())
        })
        .await;
        other.assign(Weight::from_percent(5.0).unwrap()).await.unwrap();
    };
    let (done, ()) = tokio::join!(world.carry_out(&work), taking_away);
    assert_eq!(done.verdict, Verdict::Fail);
    assert!(done.text.contains("the router reports 5 % and not 10 %"), "{}", done.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_moves_without_the_lease_or_the_router() {
    let mut stage = Stage::new().await;
    assert!(matches!(stage.try_act(&steps(10.0)).err(), Some(DeploymentError::NoRouter(_))));
    let mut edge = Edge::before(&mut stage).await;
    let acting = stage.act(&steps(10.0));
    let world = &acting.deployment;
    let work = acting.work(Some("S1"));
    let done = world.carry_out(&work).await;
    assert_eq!(done.verdict, Verdict::Error, "{done:?}");
    let other = edge.router("run-2");
    let now = other.observe().await.unwrap().now;
    other.acquire(UnixTime(now.0 + 300)).await.unwrap();
    assert_eq!(world.keep("run-1", soon()).await, Err(LeaseError::Held("run-2".into())));
    other.release().await.unwrap();
    world.keep("run-1", soon()).await.unwrap();
    // Somebody takes it away: said once, then taken again without traffic.
    let mine = edge.router("run-1");
    mine.release().await.unwrap();
    let lost = world.keep("run-1", soon()).await;
    assert!(matches!(lost, Err(LeaseError::Unreachable(_))), "{lost:?}");
    world.keep("run-1", soon()).await.unwrap();
    edge.kill();
    assert!(matches!(world.keep("run-1", soon()).await, Err(LeaseError::Unreachable(_))));
    assert!(world.traffic().await.is_err());
    assert_eq!(world.read_back(&work).await.effect, Effect::Unclear);
    assert_eq!(world.carry_out(&work).await.verdict, Verdict::Error);
}

#[tokio::test(flavor = "multi_thread")]
async fn guards_look_at_the_router() {
    let mut stage = Stage::new().await;
    let _edge = Edge::before(&mut stage).await;
    let errors = "measure = \"errors\"; source = \"router\"; watch = \"S1\"; stable_rate = \"0.5%\"; ratio = 4.0";
    let acting = stage.act(&crate::guards::guarded(errors));
    assert_eq!(acting.look(0).await, Ok(conductor::Sighting::First));
    let answers = ask(&stage.service, 3).await;
    assert_eq!(answers, 3);
    match acting.look(1000).await {
        Ok(conductor::Sighting::Clients { canary, stable }) => {
            assert!(canary.is_empty(), "{canary:?}");
            assert_eq!(
                stable.iter().map(|it| (it.requests, it.errors)).collect::<Vec<_>>(),
                [(3, 0)]
            );
        }
        other => panic!("{other:?}"),
    }
    let breaks = "measure = \"disconnects\"; source = \"router\"; watch = \"S1\"; stable_rate = 0.0005; ratio = 4.0";
    let acting = stage.act(&crate::guards::guarded(breaks));
    assert_eq!(acting.look(0).await, Ok(conductor::Sighting::First));
    assert_eq!(crate::guards::arms(acting.look(1000).await)[0], (0.0, 0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_without_traffic_is_not_asked() {
    let mut stage = Stage::new().await;
    let _edge = Edge::before(&mut stage).await;
    stage.stable.iter().for_each(|fake| fake.set_metrics("drops_total 3\n"));
    stage.canary.set_hanging(true);
    let zero = "measure = \"zero\"; source = 'SOURCE'; what = \"drops\"";
    let acting = crate::guards::with_limit(&stage, zero, "drops_total");
    assert_eq!(acting.look(0).await, Ok(conductor::Sighting::First));
    stage.stable[1].set_metrics("drops_total 4\n");
    let bad = conductor::Sighting::Bad { checked: 3.0, found: 1.0 };
    assert_eq!(acting.look(1000).await, Ok(bad));
}

async fn ask(service: &str, times: usize) -> usize {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = service.strip_prefix("http://").unwrap();
    for _ in 0..times {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    times
}

#[tokio::test]
async fn a_file_keeps_other_processes_away() {
    let mut stage = Stage::new().await;
    let path = stage.folder.path().join("lock");
    stage.lock = Some(path.clone());
    let acting = stage.act("1. Keep. <!-- run: capture id=S1 -->");
    let held = File::create(&path).unwrap();
    held.lock().unwrap();
    let kept = acting.deployment.keep("run-1", soon()).await;
    assert!(matches!(&kept, Err(LeaseError::Held(by)) if by.contains("lock")), "{kept:?}");
    drop(held);
    acting.deployment.keep("run-1", soon()).await.unwrap();
    assert!(File::open(&path).unwrap().try_lock().is_err());
    acting.deployment.keep("run-1", Timestamp::now()).await.unwrap();
    assert!(File::open(&path).unwrap().try_lock().is_ok());
}
