//! Readers that come back with a branch's cursor, to any replica.

use std::sync::Arc;

use broker::{Broker, Item, PageLimit};
use event::{After, GapReason};

use crate::support::{
    logs::golden_stream,
    outage::{assert_complete, attach, ids, publish},
    redis::WIDE,
    replica::{Replica, cut_off, healthy},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cursor_of_a_branch_is_good_on_every_replica() {
    let mut stage = Replica::start(WIDE).await;
    let another = stage.another().await;
    let (left, right) = (stage.broker(), Arc::clone(&another) as Arc<dyn Broker>);
    let mut reader = attach(&left, &After::Oldest).await;
    let mut acknowledged = publish(&left, 3).await;
    // Before the outage the other replica appends what nobody on this one has read yet, and after
    // it what comes before the merge.
    reader.through(acknowledged[2]).await;
    stage.lose_saved_redis().await;
    cut_off(&another).await;
    let on_left = publish(&left, 5).await;
    let on_right = publish(&right, 4).await;
    reader.through(on_left[4]).await;
    acknowledged.extend(on_left.iter().chain(&on_right));
    stage.find_redis().await;
    healthy(&another).await;
    acknowledged.extend(publish(&right, 4).await);
    assert_complete(&mut reader, &[], &acknowledged).await;
    let had_in_order = ids(&reader);
    for broker in [&left, &right] {
        for (index, item) in reader.items.iter().enumerate() {
            let Item::Event(event) = item else { panic!("{item:?}") };
            let had = &had_in_order[..=index];
            let mut back = attach(broker, &After::At(event.position)).await;
            assert_eq!(back.opening.gap, None);
            let left_over = acknowledged.len() - had.len();
            assert_eq!(back.opening.replayed, left_over as u64);
            assert_complete(&mut back, had, &acknowledged).await;
            if index >= 3 {
                // From a place of the branch on, the order is that of its view.
                assert_eq!(ids(&back), had_in_order[index + 1..]);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_a_view_come_to_an_end() {
    let mut stage = Replica::start(WIDE).await;
    let broker = stage.broker();
    publish(&broker, 2).await;
    stage.lose_saved_redis().await;
    publish(&broker, 7).await;
    let first = broker.page(&golden_stream(), &After::Oldest, PageLimit::clamped(3)).await;
    let mut after = first.expect("it is read").next;
    stage.find_redis().await;
    let (mut read, mut pages) = (3, 0);
    loop {
        let page = broker.page(&golden_stream(), &After::At(after), PageLimit::clamped(2)).await;
        let page = page.expect("it is read");
        assert!(page.is_whole() && page.gap.is_none(), "{page:?}");
        read += page.events.len();
        after = page.next;
        pages += 1;
        assert!(pages < 20, "it never ends");
        if !page.has_more() {
            break;
        }
    }
    assert_eq!(read, 9);
    assert_eq!(broker.head(&golden_stream()).await.expect("it is read"), after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_trunk_no_longer_has_is_told_in_its_place() {
    let mut stage =
        Replica::start(broker::memory::log::WindowLimits { events_max: 20, ..WIDE }).await;
    let another = stage.another().await;
    let (left, right) = (stage.broker(), Arc::clone(&another) as Arc<dyn Broker>);
    publish(&left, 2).await;
    stage.lose_saved_redis().await;
    cut_off(&another).await;
    let on_left = publish(&left, 5).await;
    let mut reader = attach(&left, &After::Oldest).await;
    reader.through(on_left[1]).await;
    let place = crate::support::outage::last_place(&reader);
    stage.find_redis().await;
    healthy(&another).await;
    let later = publish(&right, 200).await;
    for broker in [&left, &right] {
        let mut back = attach(broker, &After::At(place)).await;
        assert_eq!(back.reasons(), [GapReason::Expired]);
        back.through(later[199]).await;
        let got = ids(&back);
        assert!(got.len() >= 20 && later.ends_with(&got), "{} came", got.len());
        assert_eq!(back.gaps(), 1);
        let gap = back.opening.gap.as_ref().expect("it is in the opening");
        assert_eq!(gap.after, Some(place.to_string()), "it begins where the reader was");
        let missing = (2 + 5 + 200) - ids(&reader).len() - got.len();
        assert_eq!(gap.missed, Some(missing as u64));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_whose_replica_never_came_back_keeps_nobody_waiting() {
    let stage = Replica::start(WIDE).await;
    let broker = stage.broker();
    publish(&broker, 2).await;
    let place: event::Position = "0000000000007-3".parse().expect("it is a place");
    let now: (u64, u64) = stage.server.command(&mut redis::cmd("TIME")).await;
    let age_max = WIDE.age_max.as_secs();
    for (at, told) in [(now.0, false), (now.0 - age_max - 5, true)] {
        let mut set = redis::cmd("HSET");
        set.arg("dashclaw:thread:golden:branches").arg(place.epoch.to_string());
        set.arg(format!("1 open {at}000 0 {}:0:w - 2x1", place.epoch));
        stage.server.command::<()>(&mut set).await;
        let page = broker.page(&golden_stream(), &After::At(place), PageLimit::MAX).await;
        let page = page.expect("it is read");
        assert!(page.is_whole(), "{page:?}");
        assert_eq!(page.gap.is_some(), told, "{page:?}");
        assert_eq!(page.events.is_empty(), !told, "{page:?}");
    }
}

/// A record that its replica left open, beside the one under which it merged all in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_record_is_preferred_to_an_open_one() {
    let stage = Replica::start(WIDE).await;
    let broker = stage.broker();
    let acknowledged = publish(&broker, 3).await;
    let place: event::Position = "0000000000007-1".parse().expect("it is a place");
    let (open, closed) = (place.epoch, "0000000000008");
    let now: (u64, u64) = stage.server.command(&mut redis::cmd("TIME")).await;
    let records = [
        (open.to_string(), format!("1 open {}000 0 {open}:0:w - 1x1", now.0)),
        (closed.to_owned(), format!("3 done {}000 0 {closed}:0:w 0/3/{open}:0:w 1x3", now.0)),
    ];
    for (name, text) in records {
        let mut set = redis::cmd("HSET");
        set.arg("dashclaw:thread:golden:branches").arg(name).arg(text);
        stage.server.command::<()>(&mut set).await;
    }
    let mut back = attach(&broker, &After::At(place)).await;
    assert_complete(&mut back, &acknowledged[..1], &acknowledged).await;
}
