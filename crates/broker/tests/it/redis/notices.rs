//! What replicas say of themselves, and that each has a probe of its own.

use broker::{Append, Broker, ReadError, RedisBroker, conformance::new_event};
use event::StreamName;

use crate::support::redis::{Redis, WIDE};

const DAY_MS: u64 = 24 * 3600 * 1000;

fn said(notices: &broker::Notices) -> Vec<(&str, &str)> {
    let mut said: Vec<_> =
        notices.others.iter().map(|n| (n.replica.as_str(), n.text.as_str())).collect();
    said.sort_unstable();
    said
}

async fn say(replica: &RedisBroker, text: &str) -> broker::Notices {
    replica.leave_note(Some(text)).await.expect("Redis answers")
}

#[tokio::test]
async fn each_hears_the_last_word_of_the_others_with_redis_time() {
    let redis = Redis::start(WIDE).await;
    let one = redis.replica_with(|options| options.replica = "one".into()).await;
    let two = redis.replica_with(|options| options.replica = "two".into()).await;
    assert_eq!(said(&say(&one, "a b").await), []);
    assert_eq!(said(&say(&two, "c").await), [("one", "a b")]);
    let heard = say(&one, "d").await;
    assert_eq!(said(&heard), [("two", "c")]);
    let [seconds, _]: [String; 2] = redis.server.command(&mut redis::cmd("TIME")).await;
    let seconds: u64 = seconds.parse().expect("a number");
    assert!(heard.now.0 / 1000 <= seconds && seconds - heard.now.0 / 1000 < 60, "{heard:?}");
    assert!(heard.now >= heard.others[0].at, "{heard:?}");
    two.leave_note(None).await.expect("Redis answers");
    assert_eq!(said(&say(&one, "e").await), []);
}

#[tokio::test]
async fn old_words_go_and_strange_ones_are_passed_over() {
    let redis = Redis::start(WIDE).await;
    let one = redis.replica_with(|options| options.replica = "one".into()).await;
    let now = say(&one, "a").await.now.0;
    for (replica, note) in [
        ("old", format!("{} x", now - DAY_MS - 60_000)),
        ("new", format!("{} y", now - DAY_MS + 60_000)),
        ("none", "nonsense".to_owned()),
    ] {
        let mut set = redis::cmd("HSET");
        let _: u64 =
            redis.server.command(set.arg("dashclaw:ops:notices").arg(replica).arg(note)).await;
    }
    assert_eq!(said(&say(&one, "a").await), [("new", "y")]);
    let mut exists = redis::cmd("HEXISTS");
    let is_there: bool = redis.server.command(exists.arg("dashclaw:ops:notices").arg("old")).await;
    assert!(!is_there);
    redis.server.command::<()>(redis::cmd("SET").arg("dashclaw:ops:notices").arg("mine")).await;
    let refused = one.leave_note(Some("a")).await;
    let Err(ReadError::Unavailable { reason }) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("another program"), "{reason}");
}

#[tokio::test]
async fn each_replica_has_a_probe_of_its_own_that_goes_with_it() {
    let redis = Redis::start(WIDE).await;
    let one = redis.replica_with(|options| options.replica = "one".into()).await;
    let two = redis.replica_with(|options| options.replica = "two".into()).await;
    for (replica, count) in [(&one, 1), (&two, 3)] {
        for _ in 0..count {
            let append = Append::one(new_event());
            replica.append(&StreamName::Probe, append).await.expect("it is taken");
        }
        let head = replica.head(&StreamName::Probe).await.expect("Redis answers");
        assert_eq!(head.seq.0, count, "the other's events are not among them");
    }
    say(&one, "a").await;
    for last in ["stream", "meta", "ages", "digests"] {
        let mut ttl = redis::cmd("PTTL");
        let left: i64 = redis.server.command(ttl.arg(format!("dashclaw:probe:one:{last}"))).await;
        assert!(left > 0 && left as u64 <= DAY_MS, "{last} {left}");
    }
}
