//! Which hints reach a reader.

use event::{Epoch, Position, Seq, StreamName};
use futures_util::FutureExt;

use super::{Registry, Wake};
use crate::redis::names::{Channels, HashTag, Naming};

fn place(epoch: u64, seq: u64) -> Position {
    Position::new(Epoch::from_bits(epoch), Seq(seq))
}

#[test]
fn growth_and_another_owner_are_hints_and_the_same_place_is_none() {
    let (registry, naming) =
        (Registry::default(), Naming::new("p", HashTag::Bare, Channels::Plain));
    let names = naming.of(&StreamName::Ops);
    let (_, mut watch) = registry.watch(&StreamName::Ops, &names).unwrap();
    registry.heard(&names.wake, Some(place(1, 3)));
    assert!(matches!(watch.changed().now_or_never(), Some(Wake::Head(Seq(3)))));
    registry.raise(&StreamName::Ops, place(1, 3));
    registry.raise(&StreamName::Ops, place(1, 2));
    assert!(watch.changed().now_or_never().is_none());
    registry.heard(&names.wake, Some(place(2, 3)));
    assert!(matches!(watch.changed().now_or_never(), Some(Wake::Unsure)));
    registry.heard(&names.wake, Some(place(2, 3)));
    assert!(watch.changed().now_or_never().is_none());
    registry.heard(&names.wake, None);
    assert!(matches!(watch.changed().now_or_never(), Some(Wake::Unsure)));
}

#[test]
fn what_nobody_watches_is_forgotten() {
    let (registry, naming) =
        (Registry::default(), Naming::new("p", HashTag::Bare, Channels::Plain));
    let names = naming.of(&StreamName::Ops);
    let (_, watch) = registry.watch(&StreamName::Ops, &names).unwrap();
    assert!(registry.forget_unwatched(0).is_empty());
    drop(watch);
    assert_eq!(registry.forget_unwatched(0), vec![names.wake.clone()]);
    assert!(registry.all().is_empty() && registry.of_channel(&names.wake).is_none());
}
