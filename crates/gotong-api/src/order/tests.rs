//! The order of messages over a log and a database that fail on purpose.

mod bounds;
mod kit;

use std::sync::{Arc, atomic::Ordering::SeqCst};

use broker::{Broker, PageLimit};
use event::{After, GapReason, Seq, StreamName};
use store::ChatError;
use tokio::task::JoinSet;

use self::kit::{Stage, draft};
use super::{SendError, ThreadBroker, earlier::Earlier};

#[tokio::test(flavor = "multi_thread")]
async fn numbers_have_no_hole_under_concurrent_senders() {
    let stage = Stage::new();
    let mut senders = JoinSet::new();
    for sender in 0..16 {
        let stage = Arc::clone(&stage);
        senders.spawn(async move {
            let mut seqs = Vec::new();
            for n in 0..25 {
                let placed =
                    stage.send("a", &format!("{sender} {n}"), None).await.expect("it is sent");
                seqs.push(placed.message.seq);
            }
            assert!(seqs.is_sorted(), "one sender's messages are in its order");
            seqs
        });
    }
    let mut seqs = senders.join_all().await.concat();
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=400).collect::<Vec<_>>());
    assert_eq!(stage.rows.bodies("a").len(), 400);
    assert!(stage.rows.groups.load(SeqCst) < 400, "what comes meanwhile makes one group");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_takes_effect_once_for_its_author() {
    let stage = Stage::new();
    let first = stage.send("a", "hello", Some("r-1")).await.expect("it is sent");
    let again = stage.send("a", "hello", Some("r-1")).await.expect("it was sent");
    assert!(!first.is_replayed && again.is_replayed);
    assert_eq!(first.message, again.message);
    let conflict = stage.send("a", "something else", Some("r-1")).await;
    assert_eq!(conflict, Err(SendError::Conflict));
    let bob = stage.send_as("a", "bob", "something else", Some("r-1")).await.expect("it is sent");
    assert_eq!((bob.message.seq, bob.is_replayed), (2, false));
    assert_eq!(stage.rows.bodies("a"), ["hello", "something else"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_known_to_a_log_that_forgot_it() {
    let stage = Stage::new();
    let first = stage.send("a", "hello", Some("r-1")).await.expect("it is sent");
    // The process ends, and with it its logs.
    let stage = stage.restart();
    let again = stage.send("a", "hello", Some("r-1")).await.expect("it was sent");
    assert_eq!((again.is_replayed, &again.message), (true, &first.message));
    assert_eq!(stage.send("a", "other", Some("r-1")).await, Err(SendError::Conflict));
    let next = stage.send("a", "next", None).await.expect("it is sent");
    assert_eq!(next.message.seq, 2, "it goes on where the database is");
}

/// What the log knows, and what is too old to count, costs no query.
#[tokio::test(flavor = "multi_thread")]
async fn only_requests_that_the_log_can_not_know_are_looked_for() {
    let stage = Stage::new();
    for n in 0..20 {
        stage.send("a", "hello", Some(&format!("r-{n}"))).await.expect("it is sent");
    }
    assert!(stage.send("a", "hello", Some("r-7")).await.expect("it was sent").is_replayed);
    assert_eq!(stage.rows.looked.load(SeqCst), 0, "the log knows all of them");
    let stage = stage.restart();
    for n in 20..40 {
        stage.send("a", "hello", Some(&format!("r-{n}"))).await.expect("it is sent");
    }
    assert_eq!(stage.rows.looked.load(SeqCst), 0, "they are none of those that the log forgot");
    for n in [3, 19] {
        let again = stage.send("a", "hello", Some(&format!("r-{n}"))).await.expect("it was sent");
        assert_eq!((again.message.seq, again.is_replayed), (n + 1, true));
    }
    assert_eq!(stage.rows.looked.load(SeqCst), 2);
    (1..=5000).for_each(|seq| stage.rows.put("old", seq, "old"));
    stage.send("old", "new", Some("r")).await.expect("it is sent");
    assert_eq!(stage.rows.looked.load(SeqCst), 2, "nobody asks for so old ones");
    let now = stage.now_ms();
    (1..=5000).for_each(|seq| stage.rows.put_at("busy", seq, "new", now));
    stage.send("busy", "new", Some("r")).await.expect("it is sent");
    assert_eq!(stage.rows.looked.load(SeqCst), 3, "they are more than are read");
    let earlier = Earlier::read(&*stage.rows, "busy", 5000, now).await.expect("it answers");
    let hours = |hours: u64| now + hours * 3_600_000;
    assert!(earlier.may_have("alice", "r", hours(24)));
    assert!(!earlier.may_have("alice", "r", hours(26)), "by then all of them are too old");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_known_that_came_back_to_the_log_without_its_key() {
    let stage = Stage::shared();
    stage.send("a", "one", Some("r-1")).await.expect("it is sent");
    let dying = stage.dying();
    assert_eq!(dying.send("a", "two", Some("r-2")).await, Err(SendError::Late));
    stage.log.forget_keys("a").await;
    let again = stage.send("a", "two", Some("r-2")).await.expect("it was sent");
    assert_eq!((again.message.seq, again.is_replayed), (2, true));
    let next = stage.send("a", "three", Some("r-3")).await.expect("it is sent");
    assert_eq!((next.message.seq, next.is_replayed), (3, false));
    assert_eq!(stage.rows.bodies("a"), ["one", "two", "three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_or_shown_before_the_database_has_it() {
    let stage = Stage::impatient();
    stage.send("a", "one", None).await.expect("it is sent");
    let (_, mut reader) = stage.attach("a", &After::Oldest).await;
    assert_eq!(stage.next(&mut reader).await, Some(1));
    stage.rows.is_down.store(true, SeqCst);
    assert_eq!(stage.send("a", "two", Some("r-2")).await, Err(SendError::Late));
    assert_eq!(stage.send("a", "three", None).await, Err(SendError::Down), "and it is known");
    assert_eq!(stage.next(&mut reader).await, None, "nothing is shown");
    stage.rows.is_down.store(false, SeqCst);
    assert_eq!(stage.next(&mut reader).await, Some(2));
    let two = stage.send("a", "two", Some("r-2")).await.expect("it was sent");
    assert_eq!((two.message.seq, two.is_replayed), (2, true));
    assert_eq!(stage.rows.bodies("a"), ["one", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_lost_its_answer_is_made_again_and_does_no_harm() {
    let stage = Stage::new();
    stage.rows.answers_lost.store(3, SeqCst);
    for n in 1..=5 {
        let placed = stage.send("a", &n.to_string(), None).await.expect("it is sent");
        assert_eq!(placed.message.seq, n);
    }
    assert_eq!(stage.rows.bodies("a"), ["1", "2", "3", "4", "5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_content_under_a_number_is_a_fault_and_of_that_thread_alone() {
    let stage = Stage::new();
    stage.send("a", "one", None).await.expect("it is sent");
    stage.send("b", "one", None).await.expect("it is sent");
    stage.rows.put("a", 2, "somebody else's");
    let fault = stage.send("a", "two", None).await.expect_err("it is refused");
    assert!(
        matches!(&fault, SendError::Fault(what) if what.contains("another content")),
        "{fault}"
    );
    assert!(matches!(stage.send("a", "three", None).await, Err(SendError::Fault(_))));
    assert_eq!(stage.send("b", "two", None).await.expect("it is sent").message.seq, 2);
    assert_eq!(stage.rows.bodies("a"), ["one", "somebody else's"], "nothing is overwritten");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_that_ends_with_a_fault_is_over() {
    let stage = Stage::impatient();
    stage.send("b", "one", None).await.expect("it is sent");
    stage.sequencer.open("a").await.expect("it opens");
    stage.rows.is_down.store(true, SeqCst);
    assert_eq!(stage.send("a", "one", None).await, Err(SendError::Late));
    assert_eq!(stage.send("b", "two", None).await, Err(SendError::Down));
    stage.rows.put("a", 1, "somebody else's");
    stage.rows.is_down.store(false, SeqCst);
    kit::until(async || stage.send("b", "two", Some("r")).await.is_ok()).await;
    assert!(matches!(stage.send("a", "two", None).await, Err(SendError::Fault(_))));
    assert_eq!(stage.rows.bodies("b"), ["one", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_at_fault_does_not_hold_up_others_of_its_group() {
    let stage = Stage::new();
    stage.rows.put("a", 1, "somebody else's");
    stage.sequencer.open("a").await.expect("it opens");
    stage.rows.put("a", 2, "somebody else's");
    let gate = stage.rows.gate.lock().await;
    let mut senders = JoinSet::new();
    for thread in ["plug", "a", "b", "c"] {
        let at_work = Arc::clone(&stage);
        senders.spawn(async move { (thread, at_work.send(thread, "one", None).await) });
        // The first one is under way alone, the others wait for it together.
        let stream = StreamName::thread(thread).expect("a name");
        let has = if thread == "a" { 2 } else { 1 };
        kit::until(async || {
            let head = stage.log.head(&stream).await.expect("it answers");
            head.seq == Seq(has) && stage.rows.begun.load(SeqCst) == 1
        })
        .await;
    }
    drop(gate);
    for (thread, sent) in senders.join_all().await {
        match thread {
            "a" => assert!(matches!(sent, Err(SendError::Fault(_))), "{sent:?}"),
            _ => assert_eq!(sent.expect("it is sent").message.seq, 1, "{thread}"),
        }
    }
    assert_eq!(stage.rows.groups.load(SeqCst), 5, "one, three together, and each by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_did_not_get_done_is_done_here() {
    let stage = Stage::shared();
    let (_, mut reader) = stage.attach("a", &After::Head).await;
    let dying = stage.dying();
    assert_eq!(dying.send("a", "one", Some("r")).await, Err(SendError::Late));
    assert_eq!(stage.next(&mut reader).await, Some(1));
    let again = stage.send("a", "one", Some("r")).await.expect("it was sent");
    assert_eq!((again.message.seq, again.is_replayed), (1, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_ahead_of_the_log_is_gone_on_from() {
    let stage = Stage::new();
    (1..=7).for_each(|seq| stage.rows.put("a", seq, &seq.to_string()));
    stage.sequencer.open("a").await.expect("it opens");
    let stream = StreamName::thread("a").expect("a name");
    assert_eq!(stage.log.head(&stream).await.expect("it answers").seq, Seq(7));
    assert_eq!(stage.send("a", "eight", None).await.expect("it is sent").message.seq, 8);
    let (opening, mut reader) = stage.attach("a", &After::Oldest).await;
    assert_eq!((opening.replayed, opening.gap), (8, None));
    for seq in 1..=8 {
        assert_eq!(stage.next(&mut reader).await, Some(seq));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_behind_the_log_gets_what_it_lacks() {
    let stage = Stage::impatient();
    stage.send("a", "one", None).await.expect("it is sent");
    stage.rows.is_down.store(true, SeqCst);
    let late = stage.send("a", "two", None).await;
    assert_eq!(late, Err(SendError::Late));
    // Another process goes on with the same log.
    let next = stage.with_another_process();
    stage.rows.is_down.store(false, SeqCst);
    assert_eq!(next.send("a", "three", None).await.expect("it is sent").message.seq, 3);
    assert_eq!(stage.rows.bodies("a"), ["one", "two", "three"]);
}

/// More than the log keeps: what it has to let go must be in the database.
#[tokio::test(flavor = "multi_thread")]
async fn many_that_come_at_once_do_not_outgrow_the_log() {
    const SENDERS: u64 = 3000;
    let stage = Stage::new();
    stage.send("a", "first", None).await.expect("it is sent");
    let (writing, looking) = (stage.rows.gate.lock().await, stage.rows.lookups.write().await);
    let mut senders = JoinSet::new();
    for n in 0..SENDERS {
        let stage = Arc::clone(&stage);
        senders.spawn(async move {
            let request = format!("r-{n}");
            stage.send("a", &request, Some(&request)).await
        });
    }
    drop(looking);
    let mut refused = 0;
    // Nothing is written: whoever has no place to wait is refused.
    while refused < SENDERS - 256 {
        let ended = senders.join_next().await.expect("they are more").expect("no panic");
        assert_eq!(ended, Err(SendError::Down));
        refused += 1;
    }
    drop(writing);
    let mut numbers = vec![1];
    for ended in senders.join_all().await {
        numbers.push(ended.expect("it is sent").message.seq);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=257).collect::<Vec<_>>());
    assert_eq!(stage.send("a", "last", None).await.expect("it is sent").message.seq, 258);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_behind_the_database_goes_on_there_also_where_the_thread_is_open() {
    let stage = Stage::shared();
    stage.send("a", "one", None).await.expect("it is sent");
    // Another process wrote more, and the log was lost before this one looked.
    stage.rows.put("a", 2, "two");
    stage.rows.put("a", 3, "three");
    stage.log.lose_everything();
    let four = stage.send("a", "four", None).await.expect("it is sent");
    assert_eq!(four.message.seq, 4);
    assert_eq!(stage.rows.bodies("a"), ["one", "two", "three", "four"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_begins_anew_gives_no_number_twice() {
    let stage = Stage::shared();
    for n in 1..=3 {
        stage.send("a", &n.to_string(), Some(&format!("r-{n}"))).await.expect("it is sent");
    }
    stage.log.lose_everything();
    let four = stage.send("a", "4", Some("r-4")).await.expect("it is sent");
    assert_eq!(four.message.seq, 4);
    assert_eq!(stage.send("a", "5", None).await.expect("it is sent").message.seq, 5);
    assert_eq!(stage.rows.bodies("a"), ["1", "2", "3", "4", "5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_in_the_database_is_a_fault() {
    let stage = Stage::new();
    stage.rows.put("a", 1, "one");
    stage.rows.put("a", 3, "three");
    let opened = stage.sequencer.open("a").await.map(|_| ());
    assert!(matches!(&opened, Err(super::OpenError::Fault(what)) if what.contains("1 of 3")));
    assert_eq!(stage.sequencer.open("nobody's").await.map(|_| ()), Err(super::OpenError::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_with_one_log_have_one_order() {
    let one = Stage::shared();
    let two = one.with_another_process();
    let (_, mut reader) = one.attach("a", &After::Head).await;
    let (_, mut other) = two.attach("a", &After::Head).await;
    let mut senders = JoinSet::new();
    for sender in 0..8 {
        let stage = Arc::clone(if sender % 2 == 0 { &one } else { &two });
        senders.spawn(async move {
            for n in 0..20 {
                stage.send("a", &format!("{sender} {n}"), None).await.expect("it is sent");
            }
        });
    }
    for seq in 1..=160 {
        assert_eq!(one.next(&mut reader).await, Some(seq));
        assert_eq!(two.next(&mut other).await, Some(seq));
    }
    senders.join_all().await;
    assert_eq!(one.rows.bodies("a").len(), 160);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_place_leads_somewhere() {
    let stage = Stage::new();
    for n in 1..=300 {
        stage.send("a", &n.to_string(), None).await.expect("it is sent");
    }
    let threads = ThreadBroker::new(Arc::clone(&stage.sequencer));
    let stream = StreamName::thread("a").expect("a name");
    let page = |after: After, limit: usize| {
        let (threads, stream) = (&threads, &stream);
        async move { threads.page(stream, &after, PageLimit::clamped(limit)).await.expect("it answers") }
    };
    let head = page(After::Head, 10).await.head;
    assert_eq!(head.seq, Seq(300));
    let check = |page: &broker::Page, first: u64, gap: Option<GapReason>| {
        assert!(page.is_whole());
        assert_eq!(
            page.events.first().map(|event| event.position.seq.0),
            Some(first).filter(|f| *f <= 300)
        );
        assert_eq!(page.gap.as_ref().map(|gap| gap.reason), gap);
    };
    let at = |seq| event::Position::new(head.epoch, Seq(seq));
    check(&page(After::At(at(299)), 10).await, 300, None);
    check(&page(After::At(at(12)), 10).await, 13, None);
    check(&page(After::Oldest, 10).await, 1, None);
    check(&page(After::from_client(Some("17")), 10).await, 18, None);
    check(&page(After::At(at(301)), 10).await, 301, Some(GapReason::Diverged));
    check(&page(After::from_client(Some("017")), 10).await, 1, Some(GapReason::UnknownCursor));
    check(&page(After::from_client(Some("'; --")), 10).await, 1, Some(GapReason::UnknownCursor));
    let foreign = event::Position::new(event::Epoch::from_bits(1), Seq(5));
    check(&page(After::At(foreign), 10).await, 1, Some(GapReason::UnknownCursor));
    let fifth = page(After::At(at(4)), 1).await.events[0].id;
    check(&page(After::Id(fifth), 10).await, 6, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_readers_are_told_of_the_database_is_no_gap() {
    let stage = Stage::new();
    stage.rows.put("a", 1, "one");
    stage.rows.is_deaf.store(true, SeqCst);
    let opened = stage.sequencer.open("a").await.map(|_| ());
    assert!(matches!(opened, Err(super::OpenError::Rows(ChatError::Query(_)))), "{opened:?}");
    stage.rows.is_deaf.store(false, SeqCst);
    assert!(stage.sequencer.open("a").await.is_ok(), "and it is asked again");
    let _ = draft("b");
}
