//! A replica that ends, comes back, or is taken out by hand.

use super::{Fleet, numbers};
use crate::support::{
    http::Request,
    server::{ALICE, Plan},
    wait::until,
};

#[test]
fn a_replica_that_is_stopped_is_taken_out_and_nobody_notices() {
    let fleet = Fleet::start();
    let mut streams = [fleet.stream(&[]), fleet.stream(&[])];
    assert_eq!(fleet.streams(), [1.0, 1.0]);
    fleet.replicas[0].terminate();
    // From the first moment on: a replica that drains refuses, and the other one is asked.
    for n in 0..50 {
        let answer = fleet.publish_once(n);
        assert_eq!(answer.status, 201, "{n}: {}", answer.text());
        let page = fleet.edge.send(&Request::new("GET", "/api/events").key(ALICE));
        assert_eq!(page.status, 200, "{n}: {}", page.text());
    }
    until("it is taken out", || fleet.edge.state_of("replica-1") == "DOWN");
    let expected: Vec<_> = (0..50).collect();
    for (stream, connected) in &mut streams {
        let mut place = connected.cursor().to_owned();
        let mut seen = Vec::new();
        while seen.len() < 50 {
            match stream.next() {
                Some(frame) if frame.is("a.b") => {
                    frame.cursor().clone_into(&mut place);
                    seen.push(frame.json()["payload"]["n"].as_u64().expect("a number"));
                }
                Some(_) => {}
                None => *stream = fleet.stream(&[("last-event-id", &*place)]).0,
            }
        }
        assert_eq!(seen, expected, "without a hole and without a repeat");
    }
}

#[test]
fn a_replica_that_comes_back_is_taken_in_again() {
    let Fleet { edge, replicas: [first, second], _redis: redis, _runtime: runtime } =
        Fleet::start();
    let address = first.address;
    drop(first);
    until("it is taken out", || edge.state_of("replica-1") == "DOWN");
    let plan = Plan::new("memory").set("REALTIME_BACKEND", "redis").set("REDIS_URL", redis.url());
    let first = plan.set("VIZ_API_BIND", address.to_string()).start();
    until("it is taken in", || edge.state_of("replica-1") == "UP");
    drop(second);
    until("the other one is out", || edge.state_of("replica-2") == "DOWN");
    let answer = edge.send(&Request::new("GET", "/api/events").key(ALICE));
    assert_eq!(answer.status, 200, "{}", answer.text());
    drop((first, runtime));
}

#[test]
fn who_drains_one_by_the_socket_keeps_its_streams_and_moves_new_ones() {
    let fleet = Fleet::start();
    let mut open = [fleet.stream(&[]).0, fleet.stream(&[]).0];
    fleet.edge.command("set server tidegate/replica-1 state drain");
    assert_eq!(fleet.edge.state_of("replica-1"), "DRAIN");
    let _new: Vec<_> = (0..4).map(|_| fleet.stream(&[])).collect();
    assert_eq!(fleet.streams(), [1.0, 5.0]);
    assert_eq!(fleet.publish(7).status, 201);
    assert_eq!(open.each_mut().map(|stream| numbers(stream, 1)), [[7], [7]]);
    // What stays where it is can be closed.
    fleet.edge.command("shutdown sessions server tidegate/replica-1");
    let ended = open.iter_mut().filter_map(|stream| stream.next().is_none().then_some(()));
    assert_eq!(ended.take(1).count(), 1);
    until("it has no streams", || fleet.streams()[0] == 0.0);
}

/// A replica that waits for Redis in strict mode is not ready, and goes on with its streams.
#[test]
fn a_replica_that_is_not_ready_keeps_the_streams_that_it_has() {
    let fleet = Fleet::start();
    let (mut stream, _) = fleet.stream(&[]);
    fleet.edge.command("set server tidegate/replica-1 health down");
    fleet.edge.command("set server tidegate/replica-2 health down");
    until("both are in again", || {
        ["replica-1", "replica-2"].iter().all(|replica| fleet.edge.state_of(replica) == "UP")
    });
    assert_eq!(fleet.publish(1).status, 201);
    assert_eq!(numbers(&mut stream, 1), [1]);
}
