//! Where guards' numbers come from.

use conductor::{NoSight, Sighting};
use deployment::{DeploymentError, LedgerTotals};
use guard::Look;

use crate::support::stage::{Acting, Stage};

/// Returns a step with traffic and a guard that watches it.
pub(crate) fn guarded(guard: &str) -> String {
    format!(
        "1. Run the canary. <!-- run: traffic id=S1 undo=BACK -->\n\n   ```toml traffic\n   \
         weight_percent = 10\n   hold = \"10m\"\n   requests_per_second = 50\n   \
         connections = 100\n   ```\n\n   ```toml guard\n   id = \"g\"\n   {}\n   ```\n",
        guard.replace("; ", "\n   ")
    )
}

const ERRORS: &str =
    "measure = \"errors\"; source = 'SOURCE'; watch = \"S1\"; stable_rate = \"0.5%\"; ratio = 4.0";
const BREAKS: &str = "measure = \"disconnects\"; source = 'SOURCE'; watch = \"S1\"; stable_rate = 0.0005; ratio = 4.0";
const LATENCY: &str =
    "measure = \"latency\"; source = 'SOURCE'; watch = \"S1\"; ratio = 1.2; pairs = 100";
const ZERO: &str = "measure = \"zero\"; source = 'SOURCE'; what = \"events\"";
const DOWN: &str = "measure = \"down\"; source = 'SOURCE'; within = \"1m\"";
const RESTARTS: &str = "measure = \"restarts\"; source = 'SOURCE'; restarts = 2; within = \"1m\"";

/// Returns the deployment with a guard.
pub(crate) fn with_guard(stage: &Stage, guard: &str, source: &str) -> Acting {
    stage.act(&guarded(&guard.replace("SOURCE", source)))
}

/// Returns the deployment with a guard and without traffic.
pub(crate) fn with_limit(stage: &Stage, guard: &str, source: &str) -> Acting {
    let guard = guard.replace("SOURCE", source).replace("; ", "\n   ");
    stage.act(&format!(
        "1. Deploy. <!-- run: external id=S1 class=converge undo=BACK -->\n\n   \
         ```toml guard\n   id = \"g\"\n   {guard}\n   ```\n"
    ))
}

fn requests(good: u32, bad: u32) -> String {
    format!(
        "# TYPE tidegate_http_requests counter\n\
         tidegate_http_requests_total{{route=\"/a\",status_class=\"2xx\"}} {good}\n\
         tidegate_http_requests_total{{route=\"/a\",status_class=\"5xx\"}} {bad}\n"
    )
}

/// Makes both replicas of the stable arm and the canary say something.
pub(crate) fn say(stage: &Stage, [s1, s2, c1]: [&str; 3]) {
    stage.stable[0].set_metrics(s1);
    stage.stable[1].set_metrics(s2);
    stage.canary.set_metrics(c1);
}

fn numbers(look: &Look) -> [(f64, f64); 2] {
    [look.canary, look.stable].map(|counts| (counts.exposure(), counts.errors()))
}

pub(crate) fn arms(seen: Result<Sighting, NoSight>) -> [(f64, f64); 2] {
    match seen {
        Ok(Sighting::Arms(look)) => numbers(&look),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn errors_come_from_the_replicas_of_both_arms() {
    let stage = Stage::watched().await;
    let acting = with_guard(&stage, ERRORS, "tidegate_http_requests_total");
    say(&stage, [&requests(100, 1), &requests(50, 0), &requests(10, 5)]);
    assert_eq!(acting.look(0).await, Ok(Sighting::First));
    say(&stage, [&requests(110, 1), &requests(60, 1), &requests(13, 7)]);
    assert_eq!(arms(acting.look(1000).await), [(5.0, 2.0), (21.0, 1.0)]);
    // The canary is started again.
    say(&stage, [&requests(111, 1), &requests(60, 1), &requests(2, 1)]);
    assert_eq!(arms(acting.look(2000).await), [(3.0, 1.0), (1.0, 0.0)]);
    let acting = with_guard(&stage, ERRORS, "tidegate_http_requests_total{status_class=\"2xx\"}");
    assert_eq!(acting.look(0).await, Ok(Sighting::First));
    say(&stage, [&requests(112, 3), &requests(60, 1), &requests(2, 1)]);
    assert_eq!(arms(acting.look(1000).await), [(0.0, 0.0), (3.0, 1.0)]);
}

#[tokio::test]
async fn breaks_are_counted_against_the_seconds_of_streams() {
    let stage = Stage::watched().await;
    let acting = with_guard(&stage, BREAKS, "tidegate_stream_ends_total");
    let ends = |open: u32, client: u32, lagged: u32, new: u32| {
        format!(
            "tidegate_streams_open{{transport=\"sse\"}} {open}\n\
             tidegate_stream_ends_total{{cause=\"client\"}} {client}\n\
             tidegate_stream_ends_total{{cause=\"drain\"}} 9\n\
             tidegate_stream_ends_total{{cause=\"lagged\"}} {lagged}\n\
             tidegate_stream_ends_total{{cause=\"cut\"}} {new}\n"
        )
    };
    say(&stage, [&ends(10, 1, 2, 0), &ends(0, 0, 0, 0), &ends(4, 0, 0, 0)]);
    assert_eq!(acting.look(0).await, Ok(Sighting::First));
    say(&stage, [&ends(20, 50, 2, 0), &ends(0, 0, 0, 0), &ends(2, 0, 1, 2)]);
    assert_eq!(arms(acting.look(2000).await), [(6.0, 3.0), (30.0, 0.0)]);
    // Started again, and one broke since.
    say(&stage, [&ends(20, 50, 2, 0), &ends(0, 0, 0, 0), &ends(2, 0, 1, 0)]);
    assert_eq!(arms(acting.look(3000).await), [(2.0, 1.0), (20.0, 0.0)]);
}

#[tokio::test]
async fn latency_comes_in_pairs() {
    let stage = Stage::watched().await;
    let acting = with_guard(&stage, LATENCY, "tidegate_http_request_duration_seconds");
    let took = |sum: f64, count: u32| {
        let name = "tidegate_http_request_duration_seconds";
        format!("{name}_sum {sum}\n{name}_count {count}\n{name}_bucket{{le=\"+Inf\"}} {count}\n")
    };
    say(&stage, [&took(1.0, 10), &took(0.0, 0), &took(5.0, 1)]);
    assert_eq!(acting.look(0).await, Ok(Sighting::First));
    say(&stage, [&took(1.25, 20), &took(0.25, 10), &took(5.0, 1)]);
    assert!(acting.look(1000).await.unwrap_err().0.contains("canary had nothing to measure"));
    say(&stage, [&took(1.25, 20), &took(0.25, 10), &took(6.0, 11)]);
    let pairs = |seen| match seen {
        Ok(Sighting::Pairs { unit: "ms", pairs }) => pairs,
        other => panic!("{other:?}"),
    };
    assert_eq!(pairs(acting.look(2000).await), [(100.0, 25.0)]);
    let acting = with_guard(&stage, LATENCY, "/health");
    assert_eq!(pairs(acting.look(0).await).len(), 3);
    assert_eq!((stage.canary.asked("/health"), stage.stable[0].asked("/health")), (3, 2));
    let acting = with_guard(&stage, LATENCY, "load");
    assert!(acting.look(0).await.is_err());
    *stage.hands.pairs.lock().unwrap() = Some(vec![(1.0, 2.0)]);
    assert_eq!(pairs(acting.look(1000).await), [(1.0, 2.0)]);
}

#[tokio::test]
async fn what_must_not_happen_is_counted_since_the_first_look() {
    let stage = Stage::new().await;
    let keys = |first: u32, conflict: u32| {
        format!(
            "# TYPE tidegate_idempotency counter\ntidegate_idempotency_total{{result=\"first\"}} {first}\n\
             tidegate_idempotency_total{{result=\"conflict\"}} {conflict}\n"
        )
    };
    let bad = |seen| match seen {
        Ok(Sighting::Bad { checked, found }) => (checked, found),
        other => panic!("{other:?}"),
    };
    let source = "tidegate_idempotency_total{result=\"conflict\"}";
    let acting = with_limit(&stage, ZERO, source);
    let declared = "# TYPE tidegate_idempotency counter\n";
    say(&stage, [&keys(5, 2), declared, declared]);
    assert_eq!(acting.look(0).await, Ok(Sighting::First));
    say(&stage, [&keys(8, 2), declared, &keys(1, 0)]);
    assert_eq!(bad(acting.look(1000).await), (4.0, 0.0));
    say(&stage, [&keys(8, 2), &keys(0, 1), &keys(1, 0)]);
    assert_eq!(bad(acting.look(2000).await), (1.0, 1.0));
    // Of a family without a label whatever it counts is bad.
    let acting = with_limit(&stage, ZERO, "tidegate_idempotency_total");
    assert_eq!(acting.look(0).await, Ok(Sighting::First));
    assert_eq!(bad(acting.look(1000).await), (3.0, 0.0));
}

#[tokio::test]
async fn ledgers_count_from_their_beginning() {
    let stage = Stage::watched().await;
    let acting = with_guard(&stage, ZERO, "the ledgers");
    assert!(acting.look(0).await.unwrap_err().0.contains("nobody keeps a ledger here"));
    let totals = LedgerTotals { checked: 100, lost: 1, effects: 2, ..LedgerTotals::default() };
    *stage.hands.ledger.lock().unwrap() = Some(totals);
    let bad = |checked, found| Ok(Sighting::Bad { checked, found });
    assert_eq!(acting.look(1000).await, bad(100.0, 3.0));
    assert_eq!(acting.look(2000).await, bad(0.0, 0.0));
    let effects = with_guard(&stage, ZERO, "ledger{kind=\"effects\"}");
    assert_eq!(effects.look(0).await, bad(100.0, 2.0));
    *stage.hands.ledger.lock().unwrap() = Some(LedgerTotals { checked: 50, ..totals });
    assert!(acting.look(3000).await.unwrap_err().0.contains("fell from 100 to 50"));
}

#[tokio::test]
async fn health_is_looked_at_as_clients_do() {
    let stage = Stage::watched().await;
    let acting = with_guard(&stage, DOWN, "/api/health");
    assert_eq!(acting.look(0).await, Ok(Sighting::Up(true)));
    stage.stable[0].says.health.lock().unwrap().0 = 503;
    assert_eq!(acting.look(1000).await, Ok(Sighting::Up(false)));
    stage.stable[0].set_hanging(true);
    assert_eq!(acting.look(2000).await, Ok(Sighting::Up(false)));
}

#[tokio::test]
async fn restarts_are_counted_by_who_knows() {
    let stage = Stage::watched().await;
    let acting = with_guard(&stage, RESTARTS, "supervisor");
    let total = |n: u32| {
        format!("# TYPE tidegate_http_requests counter\ntidegate_http_requests_total {n}\n")
    };
    say(&stage, [&total(5), &total(5), &total(5)]);
    assert_eq!(acting.look(0).await, Ok(Sighting::First));
    say(&stage, [&total(6), &total(5), &total(1)]);
    stage.stable[1].set_hanging(true);
    assert_eq!(acting.look(1000).await, Ok(Sighting::Restarts(1)));
    assert_eq!(acting.look(30_000).await, Ok(Sighting::Restarts(0)), "the others tell");
    let started = |at: u32| format!("process_start_time_seconds {at}\n");
    stage.stable[1].set_hanging(false);
    let acting = with_guard(&stage, RESTARTS, "supervisor");
    say(&stage, [&started(100), &started(100), &started(100)]);
    assert_eq!(acting.look(0).await, Ok(Sighting::First));
    say(&stage, [&started(100), &started(100), &started(130)]);
    assert_eq!(acting.look(1000).await, Ok(Sighting::Restarts(1)));
    *stage.hands.restarts.lock().unwrap() = Some(7);
    assert_eq!(acting.look(2000).await, Ok(Sighting::First));
    *stage.hands.restarts.lock().unwrap() = Some(9);
    assert_eq!(acting.look(3000).await, Ok(Sighting::Restarts(2)));
}

#[tokio::test]
async fn a_canary_that_has_traffic_and_says_nothing_does_not_keep_running() {
    let stage = Stage::watched().await;
    let acting = with_guard(&stage, RESTARTS, "supervisor");
    let total = "# TYPE tidegate_http_requests counter\ntidegate_http_requests_total 5\n";
    say(&stage, [total, total, total]);
    assert_eq!(acting.look(0).await, Ok(Sighting::First));
    stage.canary.set_hanging(true);
    assert_eq!(acting.look(1000).await, Ok(Sighting::Restarts(0)));
    assert_eq!(acting.look(16_000).await, Ok(Sighting::Restarts(0)), "it may be starting");
    // The router is asked then whether it has traffic, and is away here: it may well have.
    let unseen = acting.look(16_001).await.unwrap_err();
    assert!(unseen.0.contains("socket"), "{unseen:?}");
    stage.canary.set_hanging(false);
    assert_eq!(acting.look(17_000).await, Ok(Sighting::Restarts(0)));
}

#[tokio::test]
async fn a_guard_with_a_source_that_does_not_say_it_is_refused_at_once() {
    let stage = Stage::watched().await;
    let refused = |guard: &str, source: &str| {
        let steps = guarded(&guard.replace("SOURCE", source));
        match stage.try_act(&steps) {
            Err(DeploymentError::Sources(faults)) => faults.join("\n"),
            other => panic!("{:?}", other.map(|acting| acting.deployment)),
        }
    };
    assert!(refused(ERRORS, "the logs").contains("`the logs` is no source"));
    assert!(refused(ERRORS, "/api/health").contains("name router or a metric family"));
    assert!(refused(LATENCY, "x_total").contains("no histogram of seconds"));
    assert!(refused(ZERO, "ledger{kind=\"odd\"}").contains("there are lost, repeated"));
    assert!(refused(ZERO, "ledger{x=\"y\"}").contains("the one label is `kind`"));
    assert!(refused(DOWN, "router").contains("name a /path"));
}
