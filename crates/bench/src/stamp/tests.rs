//! What is written is read, wherever the bytes are cut.

use proptest::prelude::*;

use super::*;

fn scan_all(mark: &Mark, pieces: &[&[u8]]) -> Vec<Stamp> {
    let (mut seen, mut kept) = (Vec::new(), Vec::new());
    for piece in pieces {
        kept.extend_from_slice(piece);
        let used = mark.scan(&kept, |stamp| seen.push(stamp));
        kept.drain(..used);
        assert!(kept.len() < STAMP_BYTES, "{}", kept.len());
    }
    seen
}

#[test]
fn a_stamp_has_its_golden_bytes() {
    let mut out = Vec::new();
    Mark::new(0xbeef).write(Stamp { stream: 7, number: 0x1234, sent_us: 0xabcdef }, &mut out);
    assert_eq!(out, b"tgb0000beef.0000070000001234000000abcdef");
    assert_eq!(out.len(), STAMP_BYTES);
}

#[test]
fn what_is_no_stamp_is_passed_over() {
    let check = |bytes: &[u8], count: usize| {
        assert_eq!(scan_all(&Mark::new(1), &[bytes]).len(), count, "{bytes:?}");
    };
    check(b"", 0);
    check(b"tgb00000001.", 0);
    check(b"tgb00000001.00000000000000010000000000z1", 0);
    check(b"tgb00000002.0000000000000001000000000001", 0);
    check(b"tgb0000tgb00000001.0000000000000001000000000001", 1);
    check(b"tgb00000001.tgb00000001.0000000000000001000000000001", 1);
}

proptest! {
    #[test]
    fn stamps_round_trip_over_any_cut(
        numbers in prop::collection::vec((0..1u32 << 24, 0..1u64 << 40, 0..1u64 << 48), 1..5),
        cuts in prop::collection::vec(0..400usize, 0..6),
        fill in "[tgb0.{}\":]{0,30}",
    ) {
        let mark = Mark::new(0x7bbb_b00b);
        let stamps: Vec<_> = numbers
            .into_iter()
            .map(|(stream, number, sent_us)| Stamp { stream, number, sent_us })
            .collect();
        let mut bytes = Vec::new();
        for stamp in &stamps {
            bytes.extend_from_slice(fill.as_bytes());
            mark.write(*stamp, &mut bytes);
        }
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.sort_unstable();
        cuts.push(bytes.len());
        let mut from = 0;
        let pieces: Vec<_> = cuts
            .into_iter()
            .map(|to| &bytes[std::mem::replace(&mut from, to)..to])
            .collect();
        prop_assert_eq!(scan_all(&mark, &pieces), stamps);
    }
}
