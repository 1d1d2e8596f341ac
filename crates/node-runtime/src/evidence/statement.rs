//! What is signed of a record: the statement of a switch, in short. The record says it in full.

use ::evidence::{LOG_ROLE, Predicate, Switch};
use broker::live::{Moved, Resumed, Stage, Target, Transition};
use serde_json::{Map, Value, json};

/// What the state of a start that ended a switch is called.
const RESTART: &str = "restart";

/// States a transition; its record tells it from every other.
pub(super) fn of_transition(transition: &Transition, record: &str) -> Predicate {
    let Transition { from, status, token, moved } = transition;
    let held_us = (status.moved > 0).then(|| status.pauses.max_micros());
    Predicate::Switch(Switch {
        role: LOG_ROLE.to_owned(),
        from: status.to.other().as_str().to_owned(),
        to: status.to.as_str().to_owned(),
        state: status.stage.as_str().to_owned(),
        ledgers_equal: (!moved.is_empty()).then(|| moved.iter().all(is_equal)),
        streams: status.streams as u64,
        held_ms: held_us.map(|micros| micros.div_ceil(1000)),
        detail: object(json!({
            "record": record,
            "was": from.as_str(),
            "owner": status.owner.as_str(),
            "undo": status.is_undo,
            "actor": status.by,
            "token": token,
            "moved": status.moved,
        })),
    })
}

/// States what a start made of a switch that another process left.
pub(super) fn of_start(owner: Target, resumed: &Resumed, record: &str) -> Predicate {
    let Resumed { taken, kept, lossy, unreached } = resumed;
    Predicate::Switch(Switch {
        role: LOG_ROLE.to_owned(),
        from: owner.other().as_str().to_owned(),
        to: owner.as_str().to_owned(),
        state: RESTART.to_owned(),
        ledgers_equal: None,
        streams: (*taken + *kept) as u64,
        held_ms: None,
        detail: object(json!({
            "record": record,
            "was": RESTART,
            "owner": owner.as_str(),
            "stage": Stage::Idle.as_str(),
            "lossy": lossy,
            "unreached": unreached,
        })),
    })
}

/// Returns whether a stream has the same events on both sides.
fn is_equal(moved: &Moved) -> bool {
    moved.before.count == moved.after.count && moved.before.hash == moved.after.hash
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
