//! Several streams on one socket: each in its own order, none in another's way.

use broker::Page;
use delivery::{DeliveryOptions, room::Wish, session::Reply};
use event::Clock;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::hall::{Client, Hall, at, events};
use crate::room::bench::options;

const PLENTY: usize = 1 << 20;

/// Returns what was heard of one stream.
fn of(heard: &[String], stream: usize) -> Vec<String> {
    let is_it = |said: &&String| said.starts_with(&format!("{stream}#"));
    heard.iter().filter(is_it).cloned().collect()
}

#[test]
fn each_stream_comes_in_its_order_behind_its_answer() {
    let mut hall = Hall::new(options(), 3);
    let mut client = hall.client(PLENTY);
    hall.publish(0, 5, 0);
    assert!(client.heard().is_empty(), "it follows nothing yet");
    hall.subscribe(&client, 0);
    // The second has something to make up for, and more than one write takes.
    let first = hall.append(1, 200, 0);
    let mut subscribing = hall.subscribing(1);
    (subscribing.after, subscribing.first_through) = (at(0), at(200));
    subscribing.first = first.into();
    let preamble = vec!["{\"type\":\"subscribed\",\"stream\":\"thread:1\"}".to_owned(); 2];
    hall.reply(&client, Reply::Subscribe { subscribing: subscribing.into(), preamble });
    hall.publish(0, 2, 0);
    hall.tell(1);
    hall.publish(1, 1, 0);
    hall.publish(2, 3, 0);
    let heard = client.heard();
    assert_eq!(heard[..3], ["subscribed 0", "subscribed 1", "subscribed 1"]);
    assert_eq!(of(&heard, 0), events(0, 6..=7));
    assert_eq!(of(&heard, 1), events(1, 1..=201));
    assert_eq!(heard.len(), 3 + 2 + 201);
}

#[test]
fn one_socket_may_follow_a_thousand_streams() {
    let mut hall = Hall::new(options(), 1000);
    let mut client = hall.client(PLENTY);
    (0..1000).for_each(|stream| hall.subscribe(&client, stream));
    let mut told = client.heard();
    told.retain(|said| !said.starts_with("subscribed"));
    assert!(told.is_empty());
    client.wire.borrow_mut().takes = 0;
    (0..1000).for_each(|stream| hall.publish(stream, 1, 0));
    assert_eq!(hall.room.holdings().tables, 1000);
    hall.writable(&client, PLENTY);
    let mut heard = client.heard();
    heard.sort_by_key(|said| said.split('#').next().and_then(|n| n.parse::<u32>().ok()));
    assert_eq!(heard, (0..1000).flat_map(|s| events(s, 1..=1)).collect::<Vec<_>>());
    (0..1000).for_each(|stream| hall.unsubscribe(&client, stream));
    assert_eq!(hall.room.holdings().tables, 0);
}

/// A loud stream that never lets the socket empty must not silence a quiet one.
#[test]
fn a_slow_socket_takes_from_each_stream_in_turn() {
    let mut hall = Hall::new(DeliveryOptions { lag_bytes_max: 1 << 30, ..options() }, 3);
    let mut client = hall.client(PLENTY);
    (0..3).for_each(|stream| hall.subscribe(&client, stream));
    client.wire.borrow_mut().takes = 0;
    hall.publish(0, 500, 500);
    hall.publish(1, 1, 0);
    hall.publish(2, 1, 0);
    client.heard();
    for _ in 0..4 {
        hall.publish(0, 10, 500);
        hall.writable(&client, 2000);
    }
    let heard = client.heard();
    assert_eq!((of(&heard, 1), of(&heard, 2)), (events(1, 1..=1), events(2, 1..=1)));
    assert!(of(&heard, 0).len() < 20);
}

#[test]
fn a_stream_that_is_asked_for_again_begins_anew_and_once() {
    let mut hall = Hall::new(options(), 2);
    let (mut client, mut other) = (hall.client(PLENTY), hall.client(PLENTY));
    for client in [&client, &other] {
        hall.subscribe(client, 0);
        hall.subscribe(client, 1);
    }
    hall.publish(0, 2, 0);
    hall.subscribe(&client, 0);
    assert_eq!(hall.streams[0].channel.readers(), 2);
    hall.publish(0, 2, 0);
    hall.publish(1, 1, 0);
    let expected =
        ["subscribed 0", "subscribed 1", "0#1", "0#2", "subscribed 0", "0#3", "0#4", "1#1"];
    assert_eq!(client.heard(), expected);
    assert_eq!(of(&other.heard(), 0), events(0, 1..=4));
    hall.unsubscribe(&client, 0);
    hall.publish(0, 1, 0);
    assert!(client.heard().is_empty());
    assert_eq!(other.heard(), ["0#5"]);
}

#[test]
fn a_page_for_a_subscription_that_is_gone_is_for_nobody() {
    let mut hall = Hall::new(options(), 2);
    let mut client = hall.client(PLENTY);
    hall.subscribe(&client, 0);
    hall.subscribe(&client, 1);
    let events = hall.append(0, 3, 0);
    hall.streams[0].channel.restart(at(3));
    hall.tell(0);
    hall.take_wishes();
    let Some(Wish::Fetch { reader, subscription, after, .. }) = hall.fetches.pop() else {
        panic!("it has to ask the log")
    };
    assert_eq!((reader, after), (client.key, at(0)));
    hall.unsubscribe(&client, 0);
    let page = || Page {
        gap: None,
        after,
        events: events.clone().into(),
        skipped: 0,
        next: at(3),
        head: at(3),
    };
    let now = hall.clock.mono();
    hall.room.on_page(reader, subscription, Ok(page()), now);
    hall.subscribe(&client, 0);
    hall.room.on_page(reader, subscription, Ok(page()), now);
    hall.publish(0, 1, 0);
    assert_eq!(client.heard(), ["subscribed 0", "subscribed 1", "subscribed 0", "0#4"]);
    hall.tick(std::time::Duration::from_secs(1));
    hall.take_wishes();
    assert!(hall.fetches.is_empty());
}

#[test]
fn both_framings_say_the_same() {
    let mut hall = Hall::new(options(), 1);
    let mut plain = hall.client(PLENTY);
    let (wire, mut admission) = hall.newcomer(PLENTY);
    admission.web_socket.as_mut().expect("it is one").sends_deflated = true;
    let mut deflated = hall.admit(wire, admission);
    for client in [&plain, &deflated] {
        hall.subscribe(client, 0);
    }
    hall.publish(0, 100, 90);
    let say = || Reply::Say(delivery::ws::Opcode::Text, "yes, ".repeat(40).into());
    hall.reply(&plain, say());
    hall.reply(&deflated, say());
    assert_eq!(plain.look(), deflated.look());
    assert_eq!((plain.parser.compressed, deflated.parser.compressed), (0, 101));
}

/// Seats and ordinals are swapped whenever somebody leaves: nobody may be taken for another.
#[test]
fn whoever_comes_and_goes_all_others_hear_exactly_theirs() {
    const STREAMS: usize = 5;
    for seed in 0..150 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut hall = Hall::new(options(), STREAMS);
        let mut clients: Vec<(Client, Vec<usize>)> = Vec::new();
        for _ in 0..150 {
            let some = rng.random_range(0..=clients.len());
            let stream = rng.random_range(0..STREAMS);
            match (rng.random_range(0..10), clients.get_mut(some)) {
                (_, None) => clients.push((hall.client(PLENTY), Vec::new())),
                (0..3, Some((client, follows))) if !follows.contains(&stream) => {
                    hall.subscribe(client, stream);
                    follows.push(stream);
                    assert_eq!(client.heard(), [format!("subscribed {stream}")]);
                }
                (0..5, Some((client, follows))) => {
                    hall.unsubscribe(client, stream);
                    follows.retain(|&followed| followed != stream);
                }
                (5, Some(_)) => {
                    let (client, _) = clients.swap_remove(some);
                    // It is found out now, or in the middle of a round.
                    client.wire.borrow_mut().dead = true;
                    if rng.random_bool(0.5) {
                        hall.room.on_lost(client.key);
                    }
                }
                (_, Some(_)) => hall.publish(stream, rng.random_range(1..4), 0),
            }
            let head = hall.streams[stream].head.0;
            for (client, follows) in &mut clients {
                let mut heard = client.heard();
                assert!(heard.len() < 4 && heard.iter().all(|said| said.contains('#')));
                if let Some(last) = heard.pop() {
                    assert!(follows.contains(&stream), "seed {seed}: {last} was not asked for");
                    assert_eq!(last, format!("{stream}#{head}"), "seed {seed}");
                }
            }
        }
        let follows: usize = clients.iter().map(|(_, follows)| follows.len()).sum();
        (0..STREAMS).for_each(|stream| hall.publish(stream, 1, 0));
        let heard: usize = clients.iter_mut().map(|(client, _)| client.heard().len()).sum();
        assert_eq!(heard, follows, "seed {seed}");
        let readers: usize = hall.streams.iter().map(|stream| stream.channel.readers()).sum();
        assert_eq!(readers, follows, "seed {seed}");
    }
}

/// Runs answers, pings and two streams into a socket that takes so many bytes at a time.
fn said(steps: &[(u8, usize)], takes: &[usize], deflated: bool) -> Vec<Vec<String>> {
    let lax = DeliveryOptions { lag_bytes_max: 1 << 30, ..options() };
    let mut hall = Hall::new(lax, 2);
    let (wire, mut admission) = hall.newcomer(takes[0]);
    admission.web_socket.as_mut().expect("it is one").sends_deflated = deflated;
    let mut client = hall.admit(wire, admission);
    let mut takes = takes.iter().copied().cycle();
    let mut heard = Vec::new();
    let (mut answers, mut follows) = (0, false);
    for &(what, size) in steps {
        match what {
            0 => hall.publish(0, 1 + size % 70, size),
            1 => hall.publish(1, 1, size),
            2 => {
                hall.send(&client, &crate::support::ws::frame(0x89, answers.to_string().as_bytes()))
            }
            3 => {
                let text = format!("{answers} {}", "y".repeat(size));
                hall.reply(&client, Reply::Say(delivery::ws::Opcode::Text, text.into()));
            }
            4 if !follows => (0..2).for_each(|stream| hall.subscribe(&client, stream)),
            _ => hall.writable(&client, takes.next().expect("it goes round")),
        }
        answers += usize::from(what == 2 || what == 3);
        follows |= what == 4;
        heard.extend(client.heard());
    }
    while client.wire.borrow().full_since.is_some() {
        hall.writable(&client, takes.next().expect("it goes round").max(40));
        hall.turn();
        heard.extend(client.heard());
    }
    assert!(!client.parser.is_midway() && client.is_open());
    let answers = heard.iter().filter(|said| !said.contains('#')).cloned().collect();
    vec![of(&heard, 0), of(&heard, 1), answers]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// No frame lies within another however the socket takes them, or the parser would say so.
    #[test]
    fn frames_follow_each_other_whatever_the_socket_takes(
        steps in prop::collection::vec((0..7_u8, 0..300_usize), 1..60),
        takes in prop::collection::vec(prop_oneof![0..40_usize, 40..3000_usize], 1..20),
        deflated in any::<bool>(),
    ) {
        let whole = said(&steps, &[PLENTY], deflated);
        prop_assert_eq!(said(&steps, &takes, deflated), whole);
    }
}
