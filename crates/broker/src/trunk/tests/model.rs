//! A model of branches and merges, checked in every interleaving.
//!
//! It drives the real branches, records and views; the trunk is a list, and Redis admits a round as
//! the server-side function does. Two replicas lose Redis, write on, merge, lose answers and
//! restart; readers follow them and move between them.

mod world;

use stateright::{Checker, Model, Property};

use self::world::{Act, World};

/// How much may happen in one run of the model.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    replicas: usize,
    readers: usize,
    appends: usize,
    cuts: usize,
    lost_answers: usize,
    restarts: usize,
    /// Moves of each reader to another replica.
    moves: usize,
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
            Property::always("nothing comes twice, unasked, or with a jump", |_, world: &World| {
                world.readers.iter().all(|reader| reader.broken.is_none())
            }),
            Property::always("at rest every reader has had everything", |_, world: &World| {
                !world.is_at_rest() || world.readers.iter().all(|r| r.got.len() == world.acked)
            }),
            Property::always("the trunk has no event twice", |_, world: &World| {
                let mut trunk = world.trunk.clone();
                trunk.sort_unstable();
                trunk.windows(2).all(|pair| pair[0] != pair[1])
            }),
            Property::sometimes(
                "two branches are merged and read to the end",
                |bounds: &Bounds, world: &World| {
                    world.is_at_rest()
                        && world.records.len() > 1.min(bounds.cuts.saturating_sub(1))
                        && world.acked == bounds.appends
                        && world.readers.iter().all(|reader| reader.got.len() == world.acked)
                },
            ),
            Property::sometimes("a reader goes through a view", |_, world: &World| {
                world.readers.iter().any(|reader| reader.has_viewed)
            }),
        ]
    }
}

fn check(bounds: Bounds) {
    let checker = bounds.checker().threads(2).spawn_bfs().join();
    println!("{bounds:?}: {} states", checker.unique_state_count());
    checker.assert_properties();
}

const SMALL: Bounds =
    Bounds { replicas: 2, readers: 1, appends: 3, cuts: 2, lost_answers: 0, restarts: 0, moves: 1 };

#[test]
fn two_replicas_branch_and_merge() {
    check(SMALL);
}

#[test]
fn answers_of_merges_are_lost() {
    check(Bounds { replicas: 1, cuts: 3, lost_answers: 2, moves: 0, appends: 4, ..SMALL });
    check(Bounds { lost_answers: 1, ..SMALL });
}

#[test]
fn replicas_restart_amid_it_all() {
    check(Bounds { replicas: 1, restarts: 2, lost_answers: 1, cuts: 2, ..SMALL });
    check(Bounds { restarts: 1, ..SMALL });
}
