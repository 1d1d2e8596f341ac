//! Both ends' ways to close: what is said, what is waited for, and for how long.

use std::time::Duration;

use delivery::{EndCause, session::Reply, ws::CloseCode};
use event::Clock;

use super::hall::{Client, Hall};
use crate::{
    room::bench::options,
    support::ws::{close, frame, text},
};

const PLENTY: usize = 1 << 20;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A client that follows a stream, and has heard that it does.
fn follower(hall: &mut Hall) -> Client {
    let mut client = hall.client(PLENTY);
    hall.subscribe(&client, 0);
    client.heard();
    client
}

fn expiring(hall: &mut Hall, after: Duration) -> Client {
    let (wire, mut admission) = hall.newcomer(PLENTY);
    admission.expires = Some(hall.clock.mono().plus(after));
    hall.admit(wire, admission)
}

#[test]
fn a_client_that_closes_is_answered_and_let_go() {
    let cases = [
        (close(1000), "close 1000 "),
        (close(4321), "close 4321 "),
        (frame(0x88, b""), "close 0 "),
    ];
    for (closing, answer) in cases {
        let mut hall = Hall::new(options(), 1);
        let mut client = follower(&mut hall);
        hall.send(&client, &[frame(0x89, b"?"), closing, vec![0xff; 100]].concat());
        assert_eq!(client.heard(), ["pong ?", answer]);
        assert!(client.wire.borrow().ended);
        hall.check_gone(&client, EndCause::Client);
    }
}

/// What it sent behind its close frame is taken, or the system would take back the answer.
#[test]
fn nothing_is_unread_where_a_client_is_let_go() {
    let mut hall = Hall::new(options(), 1);
    let mut client = hall.client(PLENTY);
    client.wire.borrow_mut().gives = 2500;
    hall.send(&client, &[close(1000), vec![0; 20_000]].concat());
    assert_eq!(client.heard(), ["close 1000 "]);
    assert!(client.wire.borrow().input.is_empty());
    hall.check_gone(&client, EndCause::Client);
}

#[test]
fn what_was_asked_before_the_close_is_answered_before_it() {
    let mut hall = Hall::new(options(), 1);
    let mut client = follower(&mut hall);
    hall.send(&client, &[text("one"), frame(0x89, b"?"), close(1000)].concat());
    assert_eq!(client.heard(), ["pong ?"]);
    hall.publish(0, 1, 0);
    hall.send(&client, b"whatever");
    hall.turn();
    assert_eq!(hall.echo(&client), Some(vec!["one".to_owned()]));
    assert_eq!(client.heard(), ["0#1", "one", "close 1000 "]);
    hall.check_gone(&client, EndCause::Client);
    // Where it is drained meanwhile, nothing is waited for: its close frame has come.
    let mut hall = Hall::new(options(), 1);
    let mut client = follower(&mut hall);
    hall.send(&client, &[text("one"), close(1000)].concat());
    hall.room.drain(Duration::ZERO, hall.clock.mono());
    hall.tick(Duration::ZERO);
    assert_eq!(client.heard(), ["goodbye drain", "close 1001 drain"]);
    hall.check_gone(&client, EndCause::Drained);
    assert_eq!(hall.echo(&client), Some(vec!["one".to_owned()]), "its answers are dropped");
}

#[test]
fn a_client_that_closes_with_a_full_socket_is_answered_once_it_takes() {
    let mut hall = Hall::new(options(), 1);
    let mut client = hall.client(3);
    hall.send(&client, &[frame(0x89, b"hello"), close(1001)].concat());
    assert!(client.is_open() && client.heard().is_empty());
    hall.writable(&client, 2);
    hall.turn();
    assert!(client.is_open());
    hall.writable(&client, PLENTY);
    assert_eq!(client.heard(), ["pong hello", "close 1001 "]);
    hall.check_gone(&client, EndCause::Client);
    // One that never does is not waited for.
    let client = hall.client(0);
    hall.send(&client, &close(1001));
    hall.tick(ms(1999));
    assert!(client.is_open());
    hall.tick(ms(1));
    assert!(!client.is_open());
}

#[test]
fn a_session_may_close_and_the_client_answers() {
    let cases = [
        (CloseCode::Policy, "close 1008 no more", EndCause::Revoked),
        (CloseCode::InvalidData, "close 1007 no more", EndCause::Broken),
        (CloseCode::Normal, "close 1000 no more", EndCause::Client),
    ];
    for (code, said, cause) in cases {
        let mut hall = Hall::new(options(), 1);
        let mut client = follower(&mut hall);
        hall.send(&client, &text("one"));
        hall.batch(&client);
        hall.reply(&client, Reply::Close(code, "no more"));
        // Nothing of these counts any more.
        hall.reply(&client, Reply::Say(delivery::ws::Opcode::Text, "late".into()));
        hall.subscribe(&client, 0);
        hall.reply(&client, Reply::Expires(Some(hall.clock.mono())));
        hall.reply(&client, Reply::Close(CloseCode::GoingAway, "twice"));
        hall.publish(0, 1, 0);
        assert_eq!(hall.room.holdings().tables, 0, "its streams need not keep anything");
        hall.tick(ms(500));
        assert_eq!(client.heard(), [said]);
        assert!(client.is_open() && client.wire.borrow().ended);
        // It is read though the batch is not done; what it still had to say is dropped.
        let rest = [text("two"), frame(0x89, b"?"), text("three")].concat();
        hall.send(&client, &[&*rest, &close(1000)].concat());
        hall.check_gone(&client, cause);
        assert!(client.heard().is_empty());
        hall.reply(&client, Reply::Done);
        assert_eq!(hall.batch(&client), None);
    }
}

#[test]
fn a_client_that_ends_its_connection_instead_of_answering_is_gone() {
    let mut hall = Hall::new(options(), 1);
    let client = follower(&mut hall);
    hall.reply(&client, Reply::Close(CloseCode::Policy, ""));
    hall.send(&client, &text("one"));
    client.wire.borrow_mut().half_closed = true;
    client.wire.borrow_mut().unread_edge = true;
    hall.readable(&client);
    hall.check_gone(&client, EndCause::Revoked);
}

/// Both were on their way when a batch stopped the reading: no edge will tell of them.
#[test]
fn an_answer_that_came_too_early_is_found() {
    let mut hall = Hall::new(options(), 1);
    let client = follower(&mut hall);
    hall.send(&client, &text("one"));
    hall.batch(&client);
    hall.send(&client, &close(1001));
    assert!(client.is_open());
    hall.room.drain(Duration::ZERO, hall.clock.mono());
    hall.turn();
    hall.check_gone(&client, EndCause::Drained);
}

#[test]
fn a_client_that_never_answers_has_two_seconds_whatever_else_is_due() {
    let mut hall = Hall::new(options(), 1);
    let mut client = expiring(&mut hall, ms(100));
    hall.subscribe(&client, 0);
    hall.reply(&client, Reply::Close(CloseCode::Policy, ""));
    hall.room.drain(ms(1500), hall.clock.mono());
    for _ in 0..19 {
        hall.tick(ms(100));
        hall.send(&client, &text("not a close frame"));
        hall.turn();
        assert!(client.is_open());
    }
    hall.tick(ms(100));
    assert_eq!(client.heard(), ["subscribed 0", "close 1008 "]);
    hall.check_gone(&client, EndCause::Revoked);
}

#[test]
fn a_drain_says_farewell_and_1001() {
    let mut hall = Hall::new(options(), 1);
    let mut clients: Vec<_> = (0..50).map(|_| follower(&mut hall)).collect();
    hall.publish(0, 3, 0);
    hall.room.drain(Duration::from_secs(5), hall.clock.mono());
    let mut open = vec![hall.room.len()];
    for _ in 0..5 {
        hall.tick(Duration::from_secs(1));
        for client in clients.iter().filter(|client| client.wire.borrow().ended) {
            hall.send(client, &close(1001));
        }
        open.push(hall.room.len());
    }
    assert!(open.windows(2).all(|two| two[1] < two[0]), "{open:?}");
    assert!(hall.room.is_empty());
    for client in &mut clients {
        let heard = client.heard();
        assert_eq!(heard[..3], ["0#1", "0#2", "0#3"]);
        assert_eq!(heard[heard.len() - 2..], ["goodbye drain", "close 1001 drain"]);
    }
    let mut late = hall.client(PLENTY);
    hall.tick(Duration::ZERO);
    assert_eq!(late.heard(), ["goodbye drain", "close 1001 drain"]);
    hall.tick(Duration::from_secs(2));
    assert!(!late.is_open());
}

#[test]
fn a_credential_that_expires_says_farewell_and_1008() {
    let mut hall = Hall::new(options(), 1);
    let mut client = expiring(&mut hall, ms(5000));
    hall.tick(ms(4999));
    assert!(client.heard().iter().all(|said| said == "ping"));
    hall.tick(ms(1));
    assert_eq!(client.heard(), ["goodbye token_expired", "close 1008 token_expired"]);
    hall.send(&client, &close(1008));
    hall.check_gone(&client, EndCause::TokenExpired);
}

#[test]
fn a_credential_that_is_renewed_lasts_as_long_as_the_new_one() {
    // From an end in 5 seconds: to which ones it is renewed, and when it comes, if ever.
    let cases: [(&[Option<u64>], Option<u64>); 6] = [
        (&[Some(9)], Some(9)),
        (&[Some(2)], Some(2)),
        (&[None], None),
        (&[None, Some(7)], Some(7)),
        (&[Some(9), Some(3), Some(6)], Some(6)),
        (&[Some(8), Some(5), Some(8), Some(5)], Some(5)),
    ];
    for (renewals, end) in cases {
        let mut hall = Hall::new(options(), 1);
        let mut client = expiring(&mut hall, Duration::from_secs(5));
        for renewed in renewals {
            let at = renewed.map(|s| hall.clock.mono().plus(Duration::from_secs(s)));
            hall.reply(&client, Reply::Expires(at));
        }
        let mut ended = None;
        for second in 1..20 {
            hall.tick(Duration::from_secs(1));
            let is_told = client.heard().iter().any(|said| said == "goodbye token_expired");
            ended = ended.or(is_told.then_some(second));
        }
        assert_eq!(ended, end, "{renewals:?}");
    }
    // One that has expired already.
    let mut hall = Hall::new(options(), 1);
    let mut client = hall.client(PLENTY);
    hall.reply(&client, Reply::Expires(Some(hall.clock.mono().minus(ms(1)))));
    hall.turn();
    assert_eq!(client.heard(), ["goodbye token_expired", "close 1008 token_expired"]);
}

#[test]
fn a_credential_that_is_renewed_over_and_over_costs_nothing() {
    let mut hall = Hall::new(options(), 1);
    let mut client = expiring(&mut hall, Duration::from_secs(3600));
    for n in 0..100_000_u64 {
        // Ever later, ever earlier, to and fro, and the same again.
        let ms = [3_600_000 + n, 3_600_000 - n, 3_600_000 + n % 2, 3_600_000][n as usize % 4];
        let at = hall.clock.mono().plus(Duration::from_millis(ms));
        hall.reply(&client, Reply::Expires(Some(at)));
        assert!(hall.room.holdings().deadlines <= 4 + 64 + 1);
    }
    for n in 0..10_000_u64 {
        let at = hall.clock.mono().plus(ms(3_600_000 + n % 2));
        hall.reply(&client, Reply::Expires(Some(at)));
        assert!(hall.room.holdings().deadlines <= 4 + 64 + 1);
    }
    hall.reply(&client, Reply::Expires(Some(hall.clock.mono().plus(ms(5)))));
    hall.tick(ms(5));
    assert_eq!(client.heard()[0], "goodbye token_expired");
}

#[test]
fn a_client_that_lags_is_closed_behind_the_frame_that_was_begun() {
    let mut hall = Hall::new(options(), 2);
    let mut client = follower(&mut hall);
    hall.subscribe(&client, 1);
    client.heard();
    client.wire.borrow_mut().takes = 20;
    hall.publish(0, 6, 900);
    hall.publish(1, 6, 900);
    hall.send(&client, &frame(0x89, b"?"));
    assert!(client.heard().is_empty() && client.parser.is_midway());
    hall.tick(Duration::from_secs(1));
    assert!(client.is_open(), "it has its time to take the close frame");
    hall.writable(&client, PLENTY);
    assert_eq!(client.heard(), ["0#1", "pong ?", "close 1013 too far behind"]);
    hall.send(&client, &close(1013));
    hall.check_gone(&client, EndCause::Lagged);
    assert_eq!(hall.metric(r#"lag_closes_total{transport="websocket"}"#).as_deref(), Some("1"));
}

#[test]
fn a_client_that_lags_and_takes_nothing_is_cut_off() {
    let mut hall = Hall::new(options(), 1);
    let client = follower(&mut hall);
    client.wire.borrow_mut().takes = 20;
    hall.publish(0, 12, 900);
    hall.tick(Duration::from_secs(1));
    hall.tick(ms(1999));
    assert!(client.is_open());
    hall.tick(ms(1));
    hall.check_gone(&client, EndCause::Lagged);
    // It may go away while it is waited for; it lagged all the same.
    let mut hall = Hall::new(options(), 1);
    let client = follower(&mut hall);
    client.wire.borrow_mut().takes = 20;
    hall.publish(0, 12, 900);
    hall.tick(Duration::from_secs(1));
    client.wire.borrow_mut().dead = true;
    hall.writable(&client, 1);
    hall.check_gone(&client, EndCause::Lagged);
}

#[test]
fn a_farewell_comes_behind_what_is_ready_and_not_within_it() {
    let mut hall = Hall::new(options(), 1);
    let mut client = follower(&mut hall);
    client.wire.borrow_mut().takes = 30;
    hall.publish(0, 2, 100);
    hall.reply(&client, Reply::Say(delivery::ws::Opcode::Text, "yes".into()));
    hall.reply(&client, Reply::Close(CloseCode::Policy, "no"));
    let mut heard = Vec::new();
    while client.wire.borrow().full_since.is_some() {
        hall.writable(&client, 7);
        heard.extend(client.heard());
    }
    assert_eq!(heard, ["0#1", "yes", "close 1008 no"]);
    assert!(client.is_open());
}

#[test]
fn all_can_be_cut_off_at_once() {
    let mut hall = Hall::new(options(), 2);
    let clients: Vec<_> = (0..10).map(|_| follower(&mut hall)).collect();
    for client in &clients {
        hall.subscribe(client, 1);
        hall.send(client, &text("one"));
    }
    hall.reply(&clients[0], Reply::Close(CloseCode::Policy, ""));
    hall.room.cut_all();
    assert!(clients.iter().all(|client| !client.is_open()));
    assert_eq!(hall.room.holdings(), delivery::room::Holdings::default());
    let count = |cause: &str| {
        hall.metric(&format!(r#"stream_ends_total{{transport="websocket",cause="{cause}"}}"#))
    };
    assert_eq!(
        (count("drain").as_deref(), count("permission_lost").as_deref()),
        (Some("9"), Some("1"))
    );
    // What was under way for them finds nobody.
    hall.reply(&clients[1], Reply::Done);
    hall.subscribe(&clients[1], 0);
    let mut client = follower(&mut hall);
    hall.publish(0, 1, 0);
    assert_eq!(client.heard(), ["0#1"]);
}
