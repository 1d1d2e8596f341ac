//! A model of append, trim, fork, crash, attach and reconnect, checked in every interleaving.
//!
//! It drives the real log and the real joiner; only their surroundings are modelled: what is
//! saved, what is in flight, who is attached. A reader reads and is woken in steps of its own, so a
//! page can be old and a hint lost, merged, repeated or out of order by the time it arrives.

mod reader;
mod world;

use event::{GapReason, Position, Seq};
use stateright::{Checker, Model, Property};

use self::{
    reader::Reader,
    world::{Act, World},
};

/// How much may happen in one run of the model.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    readers: usize,
    appends: usize,
    whole_forks: usize,
    crashes: usize,
    fail_overs: usize,
    saves: usize,
    trims: usize,
    /// Reconnects of each reader.
    reconnects: usize,
    /// Times that the hints of each reader are merged into one, or lost.
    hint_faults: usize,
}

impl Model for Bounds {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.readers)]
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
        let mut properties = promises();
        properties.extend(reachable());
        if self.trims > 0 {
            properties.push(lagging());
        }
        if self.reconnects + self.crashes > 0 {
            properties.extend(reachable_with_reconnects());
        }
        if self.crashes + self.fail_overs > 0 {
            properties.extend(reachable_with_losses());
        }
        properties
    }
}

fn promises() -> Vec<Property<Bounds>> {
    vec![
        Property::always("P1-P3: order, no repeat, no silent hole", |_, world: &World| {
            world.readers.iter().all(|reader| reader.broken.is_none())
        }),
        Property::always("P4: a quiet reader has all, or was told", |_, world: &World| {
            world.readers.iter().all(|reader| !reader.is_quiet() || reader.has_all(&world.acked))
        }),
        Property::always("P5: no gap without a cause", |_, world: &World| {
            let told = |reason| world.readers.iter().any(|reader| reader.is_told(reason));
            let trimmed = told(GapReason::Expired) || told(GapReason::Lagged);
            let lost = told(GapReason::DataLoss) || told(GapReason::UnknownCursor);
            (!trimmed || world.trims > 0)
                && (!lost || world.crashes + world.fail_overs > 0)
                && !told(GapReason::Diverged)
        }),
        Property::always("P6: no more than everything is held", |bounds, world: &World| {
            world.log.window_len() <= bounds.appends
        }),
    ]
}

/// What has to be possible, so that the promises are not kept by doing nothing.
fn reachable() -> Vec<Property<Bounds>> {
    vec![
        Property::sometimes("a live event goes straight through", |_, world: &World| {
            world.readers.iter().any(|reader| reader.just.took_live)
        }),
        Property::sometimes("all is appended and every reader has it", |bounds, world: &World| {
            world.acked.len() == bounds.appends
                && world.readers.iter().all(|r| r.is_quiet() && r.next == bounds.appends)
        }),
    ]
}

fn lagging() -> Property<Bounds> {
    Property::sometimes("a reader is told that it lagged", |_, world: &World| {
        world.readers.iter().any(|reader| reader.is_told(GapReason::Lagged))
    })
}

fn reachable_with_reconnects() -> Vec<Property<Bounds>> {
    vec![
        Property::sometimes("a cursor has expired", |bounds, world: &World| {
            bounds.trims == 0 || world.readers.iter().any(|r| r.is_told(GapReason::Expired))
        }),
        Property::sometimes("a reader resumes without a gap", |_, world: &World| {
            let resumed = |at: Position| at.seq > Seq::ZERO;
            world.readers.iter().any(|reader| reader.just.resumed_at.is_some_and(resumed))
        }),
        Property::sometimes("a cursor outlives its epoch", |_, world: &World| {
            let outlived = |at: Position| at.epoch != world.log.lineage().current();
            world.readers.iter().any(|reader| reader.just.resumed_at.is_some_and(outlived))
        }),
    ]
}

fn reachable_with_losses() -> Vec<Property<Bounds>> {
    vec![
        Property::sometimes("a loss is told", |_, world: &World| {
            world.readers.iter().any(|reader| reader.is_told(GapReason::DataLoss))
        }),
        Property::sometimes("what was acknowledged is lost", |_, world: &World| {
            (world.log.head().seq.0 as usize) < world.acked.len()
        }),
        Property::sometimes("a reader had what was lost", |_, world: &World| {
            let had_lost = |reader: &Reader| reader.place.seq > world.log.head().seq;
            world.crashes + world.fail_overs > 0 && world.readers.iter().any(had_lost)
        }),
    ]
}

/// Checks every state within the bounds; a model that has collapsed has fewer than `states_min`.
#[expect(clippy::print_stdout, reason = "the count is the proof's size, for who reads the run")]
fn check(bounds: Bounds, states_min: usize) {
    let checker = bounds.checker().threads(2).spawn_bfs().join();
    println!(
        "{} unique states ({} generated, depth {}) of {bounds:?}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
    );
    checker.assert_properties();
    assert!(checker.is_done(), "the search ended early");
    assert!(checker.unique_state_count() >= states_min, "the model has collapsed");
}

const NONE: Bounds = Bounds {
    readers: 1,
    appends: 3,
    whole_forks: 0,
    crashes: 0,
    fail_overs: 0,
    saves: 0,
    trims: 0,
    reconnects: 0,
    hint_faults: 0,
};

#[test]
fn a_process_that_dies_twice() {
    check(Bounds { whole_forks: 1, crashes: 2, saves: 1, trims: 1, ..NONE }, 90_000);
}

#[test]
fn an_owner_that_is_lost_under_its_readers() {
    let bounds =
        Bounds { whole_forks: 1, fail_overs: 1, saves: 1, trims: 1, reconnects: 1, ..NONE };
    check(bounds, 250_000);
}

#[test]
fn two_owners_that_are_lost() {
    check(Bounds { fail_overs: 2, saves: 2, ..NONE }, 50_000);
}

/// `MODEL_APPENDS=3` takes minutes and gigabytes.
#[test]
#[expect(clippy::disallowed_methods, reason = "the long form of a test is asked for by hand")]
fn two_readers_side_by_side() {
    let appends = std::env::var("MODEL_APPENDS");
    let appends = appends.map_or(2, |text| text.parse().expect("it is a number"));
    let bounds = Bounds { readers: 2, appends, whole_forks: 1, fail_overs: 1, ..NONE };
    check(bounds, 180_000);
}

#[test]
fn hints_in_every_disorder() {
    check(Bounds { appends: 5, whole_forks: 1, trims: 1, hint_faults: 1, ..NONE }, 80_000);
}
