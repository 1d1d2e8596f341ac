//! The body of a saved window, read field by field; no length in it is trusted.

use std::{collections::HashMap, sync::Arc};

use bytes::{Buf, Bytes};
use event::{
    Epoch, Event, EventId, EventName, Fork, ForkKind, Lineage, Position, RollingHash, Seq,
    StreamName, UnixMs,
};

use super::Moment;
use crate::memory::{
    keys::{Bucket, Done, Keys},
    log::{Kept, Log, LogParts},
};

/// What is wrong, in a few words.
type Wrong = &'static str;

pub(super) fn body(mut body: &[u8], now: Moment) -> Result<(StreamName, Log), Wrong> {
    let input = &mut body;
    let stream = text(input)?.parse().map_err(|_| "the stream's name")?;
    let head = seq(input)?;
    let first = seq(input)?;
    let count = u64(input)?;
    let hash = RollingHash(array(input)?);
    let lineage = lineage(input)?;
    let events = u32(input)?;
    let window = (0..events).map(|_| event(input, now)).collect::<Result<_, _>>()?;
    let buckets = u32(input)?;
    let keys = Keys::from_buckets(
        (0..buckets).map(|_| bucket(input, now)).collect::<Result<Vec<_>, _>>()?,
    );
    if input.has_remaining() {
        return Err("bytes after the end");
    }
    let parts = LogParts { lineage, head, window, keys, first, count, hash };
    Log::from_parts(parts).map(|log| (stream, log)).ok_or("the window's numbers")
}

fn lineage(input: &mut &[u8]) -> Result<Lineage, Wrong> {
    let forks = u16(input)?;
    let forks = (0..forks).map(|_| fork(input)).collect::<Result<_, _>>()?;
    Lineage::from_forks(forks).map_err(|_| "the lineage")
}

fn fork(input: &mut &[u8]) -> Result<Fork, Wrong> {
    let (epoch, after) = (Epoch::from_bits(u64(input)?), seq(input)?);
    let kind = match input.try_get_u8().map_err(|_| SHORT)? {
        0 => ForkKind::Whole,
        1 => ForkKind::Lossy,
        _ => return Err("a fork's kind"),
    };
    Ok(Fork { epoch, after, kind })
}

fn event(input: &mut &[u8], now: Moment) -> Result<Kept, Wrong> {
    let at = now.mono_of(UnixMs(u64(input)?));
    let position = position(input)?;
    let id = id(input)?;
    let name: EventName = text(input)?.parse().map_err(|_| "an event's name")?;
    let json_bytes = u32(input)? as usize;
    let json = Bytes::copy_from_slice(slice(input, json_bytes)?);
    Ok(Kept { at, event: Arc::new(Event::new(position, id, name, json)) })
}

fn bucket(input: &mut &[u8], now: Moment) -> Result<Bucket, Wrong> {
    let began = now.mono_of(UnixMs(u64(input)?));
    let ended = now.mono_of(UnixMs(u64(input)?));
    let count = u32(input)?;
    let mut keys = HashMap::new();
    for _ in 0..count {
        keys.insert(array(input)?, done(input)?);
    }
    Ok(Bucket { began, ended, done: keys })
}

fn done(input: &mut &[u8]) -> Result<Done, Wrong> {
    let fingerprint = array(input)?;
    let first = position(input)?;
    let count = u32(input)?;
    let ids = (0..count).map(|_| id(input)).collect::<Result<_, _>>()?;
    Ok(Done { fingerprint, first, ids })
}

const SHORT: Wrong = "it ends within a field";

fn slice<'a>(input: &mut &'a [u8], bytes: usize) -> Result<&'a [u8], Wrong> {
    input.split_off(..bytes).ok_or(SHORT)
}

fn array<const N: usize>(input: &mut &[u8]) -> Result<[u8; N], Wrong> {
    slice(input, N)?.try_into().map_err(|_| SHORT)
}

fn text<'a>(input: &mut &'a [u8]) -> Result<&'a str, Wrong> {
    let bytes = u16(input)? as usize;
    std::str::from_utf8(slice(input, bytes)?).map_err(|_| "a name that is not UTF-8")
}

fn position(input: &mut &[u8]) -> Result<Position, Wrong> {
    Ok(Position::new(Epoch::from_bits(u64(input)?), seq(input)?))
}

fn id(input: &mut &[u8]) -> Result<EventId, Wrong> {
    input.try_get_u128().map(EventId::from_bits).map_err(|_| SHORT)
}

fn seq(input: &mut &[u8]) -> Result<Seq, Wrong> {
    u64(input).map(Seq)
}

fn u64(input: &mut &[u8]) -> Result<u64, Wrong> {
    input.try_get_u64().map_err(|_| SHORT)
}

fn u32(input: &mut &[u8]) -> Result<u32, Wrong> {
    input.try_get_u32().map_err(|_| SHORT)
}

fn u16(input: &mut &[u8]) -> Result<u16, Wrong> {
    input.try_get_u16().map_err(|_| SHORT)
}
