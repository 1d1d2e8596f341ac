//! What stops a client's bytes from being read, what brings them on again, and what is held.

use std::time::Duration;

use delivery::session::Reply;

use super::hall::{Client, Hall, MESSAGE_BYTES_MAX};
use crate::{
    room::bench::options,
    support::ws::{close, frame, text},
};

const PLENTY: usize = 1 << 20;

/// What one client may make a room hold: a message, what may wait for its socket, what one read
/// brings.
const HELD_BYTES_MAX: usize = MESSAGE_BYTES_MAX + (64 << 10) + (16 << 10) + 300;

fn held(hall: &Hall) -> usize {
    let held = hall.room.holdings();
    held.web_bytes + held.rest_bytes
}

fn unread(client: &Client) -> usize {
    client.wire.borrow().input.len()
}

#[test]
fn each_ping_has_its_pong_in_order() {
    let mut hall = Hall::new(options(), 1);
    let mut client = hall.client(PLENTY);
    hall.send(&client, &frame(0x89, b"hi"));
    hall.send(&client, &frame(0x8a, b"nobody asked"));
    assert_eq!(client.heard(), ["pong hi"]);
    let pings: Vec<u8> =
        (0..20_000).flat_map(|n: u32| frame(0x89, n.to_string().as_bytes())).collect();
    hall.send(&client, &pings);
    hall.turn();
    assert_eq!(client.heard(), (0..20_000).map(|n| format!("pong {n}")).collect::<Vec<_>>());
    assert_eq!(held(&hall), 0);
}

#[test]
fn a_flood_of_pings_is_not_read_while_the_socket_is_full() {
    for payload in [b"".as_slice(), &[b'p'; 125]] {
        let mut hall = Hall::new(options(), 1);
        let mut client = hall.client(0);
        let flood = frame(0x89, payload).repeat(50_000);
        hall.send(&client, &flood);
        let turns = hall.turn();
        assert!(turns < 50, "{turns} turns for a socket that takes nothing");
        assert!(unread(&client) > flood.len() / 2);
        let before = unread(&client);
        hall.send(&client, &frame(0x89, b"more"));
        hall.turn();
        assert!(unread(&client) > before, "it is still not read");
        assert!(held(&hall) < HELD_BYTES_MAX, "{} bytes", held(&hall));
        let mut pongs = 0;
        while unread(&client) > 0 || client.wire.borrow().full_since.is_some() {
            assert!(held(&hall) < HELD_BYTES_MAX);
            hall.writable(&client, 50_000);
            hall.turn();
            pongs += client.heard().len();
        }
        assert_eq!((pongs, held(&hall)), (50_001, 0));
    }
}

#[test]
fn answers_that_the_socket_does_not_take_stop_the_reading() {
    let mut hall = Hall::new(options(), 1);
    let mut client = hall.client(10);
    hall.send(&client, &text("one"));
    assert_eq!(hall.batch(&client).as_deref(), Some(["one".to_owned()].as_slice()));
    let large = "l".repeat(70_000);
    hall.reply(&client, Reply::Say(delivery::ws::Opcode::Text, large.clone().into()));
    // The rest of a frame that was begun does not count, the next answer does.
    hall.reply(&client, Reply::Say(delivery::ws::Opcode::Text, large.clone().into()));
    hall.reply(&client, Reply::Done);
    hall.send(&client, &text("two"));
    assert_eq!((hall.batch(&client), unread(&client) > 0), (None, true));
    hall.writable(&client, PLENTY);
    assert_eq!(hall.echo(&client).as_deref(), Some(["two".to_owned()].as_slice()));
    assert_eq!(client.heard(), [large.clone(), large, "two".to_owned()]);
}

#[test]
fn a_batch_under_way_stops_the_reading_until_it_is_done() {
    let mut hall = Hall::new(options(), 1);
    let mut client = hall.client(PLENTY);
    hall.send(&client, &[text("one"), text("two")].concat());
    assert_eq!(hall.batch(&client), Some(vec!["one".to_owned(), "two".to_owned()]));
    hall.send(&client, &[text("three"), frame(0x89, b"?")].concat());
    hall.turn();
    assert!(unread(&client) > 0 && client.heard().is_empty());
    assert_eq!(hall.batch(&client), None);
    hall.reply(&client, Reply::Done);
    assert_eq!(hall.batch(&client), Some(vec!["three".to_owned()]));
    assert_eq!(client.heard(), ["pong ?"]);
    // What comes while it is busy counts when it is done, its end too.
    client.wire.borrow_mut().half_closed = true;
    client.wire.borrow_mut().unread_edge = true;
    hall.readable(&client);
    assert!(client.is_open());
    hall.reply(&client, Reply::Say(delivery::ws::Opcode::Text, "3".into()));
    hall.reply(&client, Reply::Done);
    assert_eq!(client.heard(), ["3"]);
    hall.check_gone(&client, delivery::EndCause::Client);
}

#[test]
fn what_came_behind_the_request_is_read_first() {
    let mut hall = Hall::new(options(), 1);
    let (wire, mut admission) = hall.newcomer(PLENTY);
    let sent = [text("one"), frame(0x89, b"?"), text("two")].concat();
    let (received, later) = sent.split_at(sent.len() - 3);
    admission.web_socket.as_mut().expect("it is one").received = received.to_vec().into();
    admission.preamble = frame(0x81, b"")[..0].to_vec().into();
    wire.borrow_mut().send(later);
    let mut client = hall.admit(wire, admission);
    assert_eq!(hall.echo(&client), Some(vec!["one".to_owned()]));
    assert_eq!(hall.echo(&client), Some(vec!["two".to_owned()]));
    assert_eq!(client.heard(), ["pong ?", "one", "two"]);
}

#[test]
fn what_is_more_than_a_batch_waits_for_the_next() {
    let mut hall = Hall::new(options(), 1);
    let mut client = hall.client(PLENTY);
    let sent: Vec<_> = (0..2000).map(|n: u32| n.to_string()).collect();
    let bytes: Vec<u8> = sent.iter().flat_map(|n| text(n)).collect();
    hall.send(&client, &bytes);
    let mut batches = Vec::new();
    while let Some(batch) = hall.echo(&client) {
        assert!(held(&hall) < HELD_BYTES_MAX);
        batches.push(batch);
    }
    assert!(batches.iter().all(|batch| batch.len() <= 256) && batches.len() >= 8);
    assert_eq!((batches.concat(), client.heard()), (sent.clone(), sent));
    // The same by bytes: the message that passes the limit is the last.
    let long: Vec<u8> = (0..8).flat_map(|_| text(&"x".repeat(30_000))).collect();
    hall.send(&client, &long);
    let mut sizes = Vec::new();
    hall.turn();
    while let Some(batch) = hall.echo(&client) {
        sizes.push(batch.len());
        hall.turn();
    }
    assert_eq!((sizes.iter().sum::<usize>(), sizes.iter().all(|&size| size <= 3)), (8, true));
}

#[test]
fn a_message_may_come_byte_by_byte() {
    let mut hall = Hall::new(options(), 1);
    let client = hall.client(PLENTY);
    let bytes = text(&"slow ".repeat(100));
    for byte in &bytes[..bytes.len() - 1] {
        hall.send(&client, std::slice::from_ref(byte));
        assert_eq!(hall.batch(&client), None);
    }
    hall.send(&client, &bytes[bytes.len() - 1..]);
    assert_eq!(hall.batch(&client), Some(vec!["slow ".repeat(100)]));
    // And one read may give little of what there is: others have their turn between.
    hall.reply(&client, Reply::Done);
    client.wire.borrow_mut().gives = 1;
    hall.send(&client, &bytes);
    assert!(unread(&client) > 400 && hall.room.is_unfinished());
    assert!(hall.turn() > 40);
    assert_eq!(hall.batch(&client), Some(vec!["slow ".repeat(100)]));
}

#[test]
fn a_message_that_does_not_end_ends_its_connection() {
    let begun = [text("never")[..3].to_vec(), text("never")[..1].to_vec(), frame(1, b"never")];
    for begun in begun {
        let mut hall = Hall::new(options(), 1);
        let mut client = hall.client(PLENTY);
        hall.send(&client, &begun);
        for _ in 0..30 {
            hall.tick(Duration::from_secs(1));
            // Pings within a message don't make it go on, and are no new one.
            if begun.len() > 3 {
                hall.send(&client, &frame(0x89, b""));
            }
        }
        assert!(!client.heard().iter().any(|said| said.starts_with("close")));
        hall.tick(Duration::from_secs(1));
        assert_eq!(
            client.heard().last().map(String::as_str),
            Some("close 1008 the message does not end")
        );
        hall.send(&client, &close(1008));
        hall.turn();
        hall.tick(Duration::from_secs(2));
        hall.check_gone(&client, delivery::EndCause::Broken);
    }
}

/// Each of its messages ends; that another one has begun whenever the room looks is no fault.
#[test]
fn a_client_that_is_always_within_some_message_goes_on() {
    let mut hall = Hall::new(options(), 1);
    let mut client = hall.client(PLENTY);
    let ping = frame(0x89, b"ping");
    hall.send(&client, &ping[..5]);
    for _ in 0..100 {
        hall.send(&client, &[&ping[5..], &ping[..5]].concat());
        hall.tick(Duration::from_secs(1));
    }
    assert_eq!(client.heard().iter().filter(|said| *said == "pong ping").count(), 100);
}

/// The time in which the server does not read is not the client's.
#[test]
fn a_message_is_not_late_while_nobody_reads_it() {
    let mut hall = Hall::new(options(), 1);
    let client = hall.client(PLENTY);
    let (begun, ended) = (text("two")[..4].to_vec(), text("two")[4..].to_vec());
    hall.send(&client, &[text("one"), begun].concat());
    assert_eq!(hall.batch(&client), Some(vec!["one".to_owned()]));
    hall.send(&client, &ended[..1]);
    for _ in 0..40 {
        hall.tick(Duration::from_secs(1));
    }
    hall.reply(&client, Reply::Done);
    hall.tick(Duration::from_secs(29));
    hall.send(&client, &ended[1..]);
    assert_eq!(hall.batch(&client), Some(vec!["two".to_owned()]));
    assert!(client.is_open());
}

/// A ping each three seconds where nothing else is sent.
#[test]
fn an_idle_client_is_pinged_and_a_busy_one_is_not() {
    let mut hall = Hall::new(options(), 1);
    let (mut idle, mut busy) = (hall.client(PLENTY), hall.client(PLENTY));
    hall.subscribe(&busy, 0);
    for _ in 0..60 {
        hall.publish(0, 1, 0);
        hall.tick(Duration::from_secs(1));
    }
    assert_eq!(idle.heard(), vec!["ping"; 20]);
    assert_eq!(busy.heard().len(), 61);
    assert!(idle.is_open(), "nobody has to answer a ping");
}
