//! Slots of keys, and maps as they are told, moved and torn.

use redis::Value;

use super::{SlotMap, slot_of};
use crate::redis::address::Host;

fn host(port: u16) -> Host {
    Host { name: "127.0.0.1".to_owned(), port }
}

fn entry(first: i64, last: i64, name: &str, port: i64) -> Value {
    let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
    let node = Value::Array(vec![text(name), Value::Int(port), text("id"), Value::Array(vec![])]);
    Value::Array(vec![Value::Int(first), Value::Int(last), node.clone(), node])
}

fn read(entries: Vec<Value>) -> Option<SlotMap> {
    SlotMap::read(Value::Array(entries), &host(9))
}

#[test]
fn the_slot_is_that_of_the_hash_tag() {
    // From the specification: CRC16 of "123456789" is 0x31C3.
    assert_eq!(slot_of("123456789"), 0x31C3);
    assert_eq!(slot_of("dashclaw:org:{123456789}:meta"), slot_of("123456789"));
    assert_eq!(slot_of("foo{}{bar}"), "foo{}{bar}".bytes().fold(0, super::crc16) % 16384);
    assert_eq!(slot_of("a{b{c}d}"), slot_of("b{c"));
    assert_eq!(slot_of("foo"), 12182);
}

#[test]
fn each_slot_has_the_node_that_was_told() {
    let map = read(vec![entry(101, 200, "127.0.0.1", 2), entry(0, 100, "", 1)]).unwrap();
    let ports = [0, 100, 101, 200, 201].map(|slot| map.node_of(slot).map(|host| host.port));
    assert_eq!(ports, [Some(1), Some(1), Some(2), Some(2), None]);
    assert_eq!((map.nodes(), map.missing()), (vec![host(1), host(2)], 16384 - 201));
}

#[test]
fn a_slot_that_moved_is_elsewhere_and_no_other_is() {
    let map = read(vec![entry(0, 100, "127.0.0.1", 1)]).unwrap();
    for slot in [0, 50, 100] {
        let moved = map.moved(slot, &host(3));
        for other in 0..=100 {
            let port = if other == slot { 3 } else { 1 };
            assert_eq!(moved.node_of(other), Some(&host(port)), "{other}");
        }
        assert_eq!(moved.moved(slot, &host(1)).missing(), map.missing());
    }
    assert_eq!(SlotMap::default().moved(7, &host(3)).node_of(7), Some(&host(3)));
}

#[test]
fn an_answer_that_is_none_is_no_map() {
    for entries in [
        vec![entry(5, 4, "a", 1)],
        vec![entry(0, 16384, "a", 1)],
        vec![entry(0, 10, "a", 1), entry(10, 20, "b", 2)],
        vec![entry(0, 10, "a", 70_000)],
        vec![Value::Int(1)],
        vec![Value::Array(vec![Value::Int(0), Value::Int(1)])],
    ] {
        assert_eq!(read(entries.clone()), None, "{entries:?}");
    }
    assert_eq!(SlotMap::read(Value::Nil, &host(1)), None);
}
