//! The body of a saved window, written field by field.

use bytes::BufMut;
use event::{ForkKind, Lineage, StreamName};

use super::Moment;
use crate::memory::{
    keys::{Bucket, Keys},
    log::{Kept, LogParts},
};

pub(super) fn body(out: &mut Vec<u8>, stream: &StreamName, parts: &LogParts, now: Moment) {
    let name = stream.to_string();
    out.put_u16(len_u16(name.len()));
    out.put_slice(name.as_bytes());
    out.put_u64(parts.head.0);
    out.put_u64(parts.first.0);
    out.put_u64(parts.count);
    out.put_slice(&parts.hash.0);
    lineage(out, &parts.lineage);
    out.put_u32(len_u32(parts.window.len()));
    for kept in &parts.window {
        event(out, kept, now);
    }
    keys(out, &parts.keys, now);
}

fn lineage(out: &mut Vec<u8>, lineage: &Lineage) {
    out.put_u16(len_u16(lineage.forks().len()));
    for fork in lineage.forks() {
        out.put_u64(fork.epoch.bits());
        out.put_u64(fork.after.0);
        out.put_u8(match fork.kind {
            ForkKind::Whole => 0,
            ForkKind::Lossy => 1,
        });
    }
}

fn event(out: &mut Vec<u8>, kept: &Kept, now: Moment) {
    let event = &kept.event;
    let name = event.name.as_str();
    out.put_u64(now.unix_of(kept.at).0);
    out.put_u64(event.position.epoch.bits());
    out.put_u64(event.position.seq.0);
    out.put_u128(event.id.bits());
    out.put_u16(len_u16(name.len()));
    out.put_slice(name.as_bytes());
    out.put_u32(len_u32(event.json.len()));
    out.put_slice(&event.json);
}

fn keys(out: &mut Vec<u8>, keys: &Keys, now: Moment) {
    out.put_u32(len_u32(keys.buckets().len()));
    for bucket in keys.buckets() {
        self::bucket(out, bucket, now);
    }
}

fn bucket(out: &mut Vec<u8>, bucket: &Bucket, now: Moment) {
    out.put_u64(now.unix_of(bucket.began).0);
    out.put_u64(now.unix_of(bucket.ended).0);
    out.put_u32(len_u32(bucket.done.len()));
    for (key, done) in &bucket.done {
        out.put_slice(key);
        out.put_slice(&done.fingerprint);
        out.put_u64(done.first.epoch.bits());
        out.put_u64(done.first.seq.0);
        out.put_u32(len_u32(done.ids.len()));
        for id in &done.ids {
            out.put_u128(id.bits());
        }
    }
}

fn len_u16(len: usize) -> u16 {
    u16::try_from(len).expect("names and lineages are limited far below 64 Ki")
}

fn len_u32(len: usize) -> u32 {
    u32::try_from(len).expect("windows, keys and bodies are limited far below 4 Gi")
}
