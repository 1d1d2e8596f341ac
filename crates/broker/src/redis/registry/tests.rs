//! Which hints reach a reader, and what waits for it.

use std::sync::Arc;

use bytes::Bytes;
use event::{Epoch, Event, EventId, Position, Seq, StreamName};
use futures_util::FutureExt;

use super::{Following, Level, Registry, Wake, shelf::BYTES_MAX};
use crate::{
    Watch,
    redis::{
        names::{Channels, HashTag, Names, Naming},
        wake::Said,
    },
};

fn place(epoch: u64, seq: u64) -> Position {
    Position::new(Epoch::from_bits(epoch), Seq(seq))
}

fn event(position: Position, bytes: usize) -> Arc<Event> {
    let id = EventId::from_bits(position.seq.0.into());
    Arc::new(Event::new(position, id, "a".parse().unwrap(), Bytes::from(vec![b'x'; bytes])))
}

fn names_of(stream: &StreamName) -> Names {
    Naming::new("p", HashTag::Bare, Channels::Plain).of(stream)
}

/// A watched stream.
struct Stage {
    registry: Registry,
    names: Names,
    watch: Following,
}

impl Stage {
    fn new() -> Self {
        let (registry, names) = (Registry::default(), names_of(&StreamName::Ops));
        let watch = registry.watch(&StreamName::Ops, &names).unwrap();
        Stage { registry, names, watch }
    }

    fn head(&self, place: Position) {
        self.says(Some(Said { place, event: None }), |_| true);
    }

    fn event(&self, place: Position) {
        self.says(Some(Said { place, event: Some(event(place, 10)) }), |_| true);
    }

    fn says(&self, said: Option<Said>, believes: impl Fn(&Level) -> bool) {
        self.registry.heard(&self.names.wake, said, believes);
    }

    fn next(&mut self) -> Option<String> {
        told(&mut self.watch)
    }

    fn bytes(&self) -> usize {
        self.registry.shelf.bytes()
    }
}

fn told(watch: &mut Following) -> Option<String> {
    watch.changed().now_or_never().map(|wake| match wake {
        Wake::Event(event) => format!("event {}", event.position.seq),
        Wake::Head(head) => format!("head {head}"),
        Wake::Unsure => "unsure".to_owned(),
        Wake::Closed => "closed".to_owned(),
    })
}

#[test]
fn growth_and_another_owner_are_hints_and_the_same_place_is_none() {
    let mut stage = Stage::new();
    stage.head(place(1, 3));
    assert_eq!(stage.next().as_deref(), Some("head 3"));
    stage.registry.raise(&StreamName::Ops, place(1, 3), None);
    stage.registry.raise(&StreamName::Ops, place(1, 2), None);
    assert_eq!(stage.next(), None);
    stage.head(place(2, 3));
    assert_eq!(stage.next().as_deref(), Some("unsure"));
    stage.head(place(2, 3));
    assert_eq!(stage.next(), None);
    stage.says(None, |_| true);
    assert_eq!(stage.next().as_deref(), Some("unsure"));
}

#[test]
fn an_event_reaches_a_reader_once_however_often_it_is_heard() {
    let mut stage = Stage::new();
    stage.event(place(1, 1));
    assert_eq!(stage.next().as_deref(), Some("event 1"));
    stage.event(place(1, 1));
    stage.head(place(1, 1));
    assert_eq!(stage.next(), None);
    stage.event(place(1, 2));
    assert_eq!(stage.next().as_deref(), Some("event 2"));
}

#[test]
fn the_latest_of_several_is_given_and_a_head_without_event_hides_an_older_one() {
    let mut stage = Stage::new();
    stage.event(place(1, 1));
    stage.event(place(1, 2));
    assert_eq!(stage.next().as_deref(), Some("event 2"));
    stage.event(place(1, 3));
    stage.head(place(1, 5));
    assert_eq!(stage.next().as_deref(), Some("head 5"));
    stage.event(place(1, 4));
    assert_eq!(stage.next(), None, "an older one says nothing new");
}

#[test]
fn doubt_and_another_owner_come_before_an_event() {
    let mut stage = Stage::new();
    stage.event(place(1, 1));
    stage.says(None, |_| true);
    assert_eq!(stage.next().as_deref(), Some("unsure"));
    stage.says(None, |_| true);
    stage.event(place(1, 2));
    assert_eq!(stage.next().as_deref(), Some("unsure"));
    stage.event(place(2, 3));
    assert_eq!(stage.next().as_deref(), Some("unsure"));
    assert_eq!(stage.next(), None, "what it goes on from is in the log");
    stage.event(place(2, 4));
    assert_eq!(stage.next().as_deref(), Some("event 4"));
}

#[test]
fn a_hint_beyond_the_log_is_taken_back_by_a_check() {
    for (said, found, again) in [
        (place(1, 1003), place(1, 3), Some("unsure")),
        (place(1, 3), place(1, 3), None),
        (place(1, 3), place(1, 4), Some("head 4")),
        (place(2, 9), place(1, 3), Some("unsure")),
    ] {
        let mut stage = Stage::new();
        stage.head(said);
        assert!(stage.next().is_some());
        let level = stage.registry.of_channel(&stage.names.wake).unwrap();
        assert!(!level.check(level.said(), found));
        assert_eq!(stage.next().as_deref(), again, "{said} {found}");
        let next = Position::new(found.epoch, found.seq.next());
        stage.event(next);
        let told = format!("event {}", next.seq);
        assert_eq!(stage.next(), Some(told), "what is next is heard of: {said} {found}");
    }
}

#[test]
fn what_a_check_had_not_been_able_to_see_is_not_taken_back() {
    let mut stage = Stage::new();
    stage.head(place(1, 3));
    let level = stage.registry.of_channel(&stage.names.wake).unwrap();
    let said = level.said();
    stage.head(place(1, 4));
    assert!(!level.check(said, place(1, 3)), "Redis answered before the last one");
    assert_eq!(stage.next().as_deref(), Some("head 4"));
    assert_eq!(stage.next(), None);
}

#[test]
fn silence_is_found_out_behind_a_hint_beyond_the_log() {
    let stage = Stage::new();
    stage.head(place(1, 1003));
    let level = stage.registry.of_channel(&stage.names.wake).unwrap();
    let check = |seq| level.check(level.said(), place(1, seq));
    assert!(!check(3) && !check(4), "the wake-up may be on its way");
    assert!(check(4));
}

#[test]
fn what_another_server_says_is_a_head() {
    let mut stage = Stage::new();
    let at = place(1, 1);
    stage.says(Some(Said { place: at, event: Some(event(at, 10)) }), |_| false);
    assert_eq!(stage.next().as_deref(), Some("head 1"));
}

#[test]
fn an_event_waits_until_its_only_reader_has_it_or_another_comes() {
    let mut stage = Stage::new();
    stage.event(place(1, 1));
    let one = stage.bytes();
    assert!(one > 0);
    (2..100).for_each(|seq| stage.event(place(1, seq)));
    assert_eq!(stage.bytes(), one, "a flood costs no more than one");
    assert_eq!(stage.next().as_deref(), Some("event 99"));
    assert_eq!(stage.bytes(), 0);

    let mut other = stage.registry.watch(&StreamName::Ops, &stage.names).unwrap();
    stage.event(place(1, 100));
    assert_eq!(stage.next().as_deref(), Some("event 100"));
    assert_eq!(stage.bytes(), one, "the other has not had it");
    assert_eq!(told(&mut other).as_deref(), Some("event 100"));
    drop((stage.watch, other));
    assert_eq!(stage.registry.forget_unwatched(0), vec![stage.names.wake.clone()]);
    assert_eq!(stage.registry.shelf.bytes(), 0);
}

#[test]
fn beyond_the_bound_of_all_streams_only_heads_are_told() {
    let registry = Registry::default();
    let at = place(1, 1);
    let streams = 2 * BYTES_MAX / 4096;
    let mut watches = Vec::new();
    for number in 0..streams {
        let stream = StreamName::thread(&format!("t{number}")).unwrap();
        let names = names_of(&stream);
        watches.push(registry.watch(&stream, &names).unwrap());
        let said = Said { place: at, event: Some(event(at, 4096)) };
        registry.heard(&names.wake, Some(said), |_| true);
        assert!(registry.shelf.bytes() <= BYTES_MAX);
    }
    let told: Vec<_> = watches.iter_mut().map(|watch| told(watch).unwrap()).collect();
    let events = told.iter().filter(|wake| *wake == "event 1").count();
    let heads = told.iter().filter(|wake| *wake == "head 1").count();
    assert_eq!(events + heads, streams);
    assert!(events > streams / 3 && heads > streams / 3, "{events} events, {heads} heads");
    assert_eq!(registry.shelf.bytes(), 0, "all have been taken");
}

#[test]
fn what_nobody_watches_is_forgotten() {
    let stage = Stage::new();
    assert!(stage.registry.forget_unwatched(0).is_empty());
    drop(stage.watch);
    assert_eq!(stage.registry.forget_unwatched(0), vec![stage.names.wake.clone()]);
    assert!(stage.registry.all().is_empty());
    assert!(stage.registry.of_channel(&stage.names.wake).is_none());
}

#[test]
fn a_level_is_forgotten_whole_while_its_readers_end() {
    let streams: Vec<_> =
        (0..1_000).map(|number| StreamName::thread(&format!("t{number}")).unwrap()).collect();
    for _ in 0..20 {
        let registry = Registry::default();
        let watch = |stream| registry.watch(stream, &names_of(stream)).unwrap();
        let watches: Vec<_> = streams.iter().map(watch).collect();
        let begin = std::sync::Barrier::new(2);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                begin.wait();
                watches.into_iter().for_each(drop);
            });
            begin.wait();
            while !registry.all().is_empty() {
                registry.forget_unwatched(0);
                let is_heard =
                    |level: &Arc<Level>| registry.of_channel(&level.names.wake).is_some();
                assert!(registry.all().iter().all(is_heard), "a channel has no reader any more");
            }
        });
    }
}
