//! Clients that break the protocol: they are told how, once what came before has its answers.

use std::time::Duration;

use delivery::EndCause;

use super::hall::{Hall, MESSAGE_BYTES_MAX};
use crate::{
    room::bench::options,
    support::ws::{close, frame, text},
};

const PLENTY: usize = 1 << 20;

fn broken() -> Vec<(Vec<u8>, &'static str, EndCause)> {
    let too_large = vec![b'x'; MESSAGE_BYTES_MAX + 1];
    vec![
        (frame(0x83, b""), "close 1002 ", EndCause::Broken),
        (frame(0xc1, b"x"), "close 1002 ", EndCause::Broken),
        (vec![0x81, 0x00], "close 1002 ", EndCause::Broken),
        (frame(0x80, b"of nothing"), "close 1002 ", EndCause::Broken),
        (frame(0x88, b"x"), "close 1002 ", EndCause::Broken),
        (frame(0x81, b"\xff"), "close 1007 ", EndCause::Broken),
        (frame(0x81, &too_large), "close 1009 ", EndCause::TooLarge),
        (frame(0x81, &too_large)[..14].to_vec(), "close 1009 ", EndCause::TooLarge),
    ]
}

#[test]
fn who_breaks_the_protocol_is_told_how() {
    for (bytes, said, cause) in broken() {
        let mut hall = Hall::new(options(), 1);
        let mut client = hall.client(PLENTY);
        hall.subscribe(&client, 0);
        hall.send(&client, &[frame(0x89, b"?"), bytes].concat());
        let heard = client.heard();
        assert_eq!(heard[..2], ["subscribed 0", "pong ?"]);
        assert!(heard[2].starts_with(said) && heard[2].len() > said.len(), "{heard:?}");
        // Its bytes mean nothing any more, not even as a close frame; its end does.
        hall.send(&client, &[close(1002), text("and so on"), frame(0x89, b"?")].concat());
        hall.turn();
        assert!(client.is_open() && client.heard().is_empty());
        assert!(client.wire.borrow().input.is_empty(), "it is thrown away");
        client.wire.borrow_mut().half_closed = true;
        client.wire.borrow_mut().unread_edge = true;
        hall.readable(&client);
        hall.check_gone(&client, cause);
    }
}

#[test]
fn what_came_before_is_answered_first() {
    for (bytes, said, cause) in broken() {
        let mut hall = Hall::new(options(), 1);
        let mut client = hall.client(PLENTY);
        hall.send(&client, &[text("one"), frame(0x89, b"?"), bytes].concat());
        assert_eq!(client.heard(), ["pong ?"]);
        hall.send(&client, &text("two"));
        assert_eq!(hall.echo(&client), Some(vec!["one".to_owned()]));
        let heard = client.heard();
        assert_eq!(heard[0], "one");
        assert!(heard[1].starts_with(said), "{heard:?}");
        assert_eq!((hall.batch(&client), heard.len()), (None, 2));
        hall.tick(Duration::from_secs(2));
        hall.check_gone(&client, cause);
    }
}

/// The connection's end was there before the broken frame was looked at: no edge tells of it.
#[test]
fn an_end_behind_a_broken_frame_is_found() {
    let mut hall = Hall::new(options(), 1);
    let client = hall.client(PLENTY);
    client.wire.borrow_mut().half_closed = true;
    hall.send(&client, &[frame(0x83, b""), vec![7; 100_000]].concat());
    hall.turn();
    hall.check_gone(&client, EndCause::Broken);
}

#[test]
fn a_flood_behind_a_broken_frame_is_thrown_away_and_ends() {
    let mut hall = Hall::new(options(), 1);
    let client = hall.client(0);
    hall.send(&client, &[frame(0x83, b""), vec![7; 1 << 20]].concat());
    assert!(!client.wire.borrow().input.is_empty(), "others have their turn");
    hall.turn();
    assert!(client.wire.borrow().input.is_empty());
    let held = hall.room.holdings();
    assert!(held.web_bytes + held.rest_bytes < 200, "{held:?}");
    hall.tick(Duration::from_secs(2));
    hall.check_gone(&client, EndCause::Broken);
}
