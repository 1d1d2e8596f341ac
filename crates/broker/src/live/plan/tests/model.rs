//! A model of the switch, checked in every interleaving.
//!
//! It drives the real rules, logs, branches, records and views; Redis is a log that admits a
//! placing as the server-side function does. Processes append, switch, undo, finalise, crash, lose
//! answers, and lose Redis; readers follow them, and come back with their cursors.

mod process;
mod reader;
mod world;

use stateright::{Checker, Model, Property};

use self::world::{Act, World};
use crate::live::plan::{Stage, Target};

/// How much may happen in one run of the model.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    processes: usize,
    appends: usize,
    asks: usize,
    crashes: usize,
    /// Answers of Redis that are lost, and commands that arrive late.
    lost_answers: usize,
    /// How often Redis is lost for a while.
    outages: usize,
    /// How often a window is saved by itself.
    saves: usize,
}

impl Model for Bounds {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn actions(&self, world: &World, acts: &mut Vec<Act>) {
        world.possible(self, acts);
    }

    fn next_state(&self, world: &World, act: Act) -> Option<World> {
        let mut world = world.clone();
        world.perform(act);
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("each event once, in order, or a gap", |_, world: &World| {
                world.readers.iter().all(|reader| reader.broken.is_none())
            }),
            Property::always("no gap without a crash, or others", |_, world: &World| {
                let may_lack = world.alone > 0 && world.processes.len() > 1;
                world.crashes > 0 || may_lack || world.readers.iter().all(|reader| !reader.had_gap)
            }),
            Property::always("what was acknowledged is read, or a gap is", |_, world: &World| {
                !world.is_read() || world.readers.iter().all(|reader| world.has_had_all(reader))
            }),
            Property::always("no log has an event twice", |_, world: &World| {
                world.logs().all(|log| world::ids(log).windows(2).all(|pair| pair[0] != pair[1]))
            }),
            Property::always("what memory owns it has", |_, world: &World| {
                world.owners_are_whole()
            }),
            Property::always("an undo ends with the owner before", |_, world: &World| {
                world.processes.iter().all(|process| process.undone_is_right())
            }),
            Property::sometimes("a switch ends and is finalised", |_, world: &World| {
                world.processes.iter().any(|process| {
                    process.plan.stage() == Stage::Idle
                        && process.plan.default_owner() == Target::Redis
                })
            }),
            Property::sometimes(
                "everything was done and read",
                |bounds: &Bounds, world: &World| {
                    world.acked.len() == bounds.appends
                        && world.is_read()
                        && world.asks == bounds.asks
                        && world.crashes == bounds.crashes
                },
            ),
        ]
    }
}

fn check(bounds: Bounds) {
    let checker = bounds.checker().threads(2).spawn_bfs().join();
    println!("{bounds:?}: {} states", checker.unique_state_count());
    checker.assert_properties();
}

const SMALL: Bounds =
    Bounds { processes: 1, appends: 3, asks: 2, crashes: 0, lost_answers: 0, outages: 0, saves: 0 };

#[test]
fn one_process_switches_and_undoes() {
    check(SMALL);
    check(Bounds { asks: 3, ..SMALL });
}

#[test]
fn answers_are_lost_and_commands_arrive_late() {
    check(Bounds { lost_answers: 2, ..SMALL });
    check(Bounds { lost_answers: 1, outages: 1, ..SMALL });
}

#[test]
fn the_process_crashes_anywhere() {
    check(Bounds { crashes: 1, saves: 1, ..SMALL });
    check(Bounds { crashes: 2, appends: 2, ..SMALL });
}

#[test]
fn everything_fails_at_once() {
    check(Bounds { crashes: 1, lost_answers: 1, outages: 1, saves: 1, appends: 2, ..SMALL });
}

#[test]
fn it_is_undone_without_redis() {
    check(Bounds { outages: 2, asks: 3, ..SMALL });
    check(Bounds { outages: 1, crashes: 1, asks: 3, appends: 2, ..SMALL });
    check(Bounds { processes: 2, appends: 2, outages: 1, ..SMALL });
}

#[test]
fn two_processes_go_over_to_one_redis() {
    check(Bounds { processes: 2, appends: 2, ..SMALL });
    check(Bounds { processes: 2, appends: 2, lost_answers: 1, ..SMALL });
    check(Bounds { processes: 2, appends: 2, crashes: 1, ..SMALL });
}
