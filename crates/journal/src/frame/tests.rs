//! Golden bytes of a frame and of a segment's header.

use bytes::Bytes;

use super::{HEAD_BYTES, Head, Kind, note, put_group, put_note, read_end, records};
use crate::metrics::Dropped;
use crate::segment::{HEADER_BYTES, Header, VERSION};
use crate::seq::Seq;

fn seq(value: u64) -> Seq {
    Seq::new(value).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_group_has_these_bytes() {
    let mut out = Vec::new();
    let given = [Bytes::from_static(b"ab"), Bytes::new()];
    put_group(&mut out, 0x0102_0304, seq(5), (6, 7), &given);
    assert_eq!(hex(&out), GROUP);
    let head = Head::read(&out, 0x0102_0304).unwrap();
    assert_eq!((head.first, head.stamp, head.written), (seq(5), 6, 7));
    assert_eq!((head.kind, head.next(), head.frame_bytes()), (Kind::Group, seq(7), out.len()));
    let payload = Bytes::copy_from_slice(&out[HEAD_BYTES..out.len() - 12]);
    assert_eq!(records(&payload, 2).unwrap()[..], given);
    assert!(records(&payload, 3).is_none() && records(&payload.slice(1..), 2).is_none());
    assert_eq!(read_end(&out[out.len() - 12..], 0x0102_0304), Some(seq(7)));
    assert!(Head::read(&out, 0).is_none(), "a frame of another segment");
}

#[test]
fn a_note_tells_what_was_dropped() {
    let mut out = Vec::new();
    let (since, ever) = (Dropped([1, 2, 3]), Dropped([10, 20, 30]));
    put_note(&mut out, 1, seq(5), 7, since, ever);
    let head = Head::read(&out, 1).unwrap();
    assert_eq!((head.kind, head.next()), (Kind::Note, seq(5)));
    assert_eq!(note(&out[HEAD_BYTES..out.len() - 12]), Some((since, ever)));
}

#[test]
fn a_header_survives_the_loss_of_one_copy() {
    let header =
        Header { version: VERSION, salt: 0xdead_beef, first: seq(9), dropped: Dropped([1, 2, 3]) };
    let bytes = header.bytes();
    assert_eq!(bytes.len(), HEADER_BYTES);
    assert_eq!(hex(&bytes[..bytes.len() / 2]), HEADER);
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 4;
        assert_eq!(Header::read(&flipped), Some(header));
    }
}

const GROUP: &str = concat!(
    "544a4631",
    "0a000000",
    "0500000000000000",
    "0600000000000000",
    "0700000000000000",
    "02000000",
    "01000000",
    "26f83f88",
    "63def791",
    "02000000",
    "6162",
    "00000000",
    "0700000000000000",
    "d48ff40c",
);
const HEADER: &str = concat!(
    "5449444557414c00",
    "01000000",
    "efbeadde",
    "0900000000000000",
    "0100000000000000",
    "0200000000000000",
    "0300000000000000",
    "839761cb",
);
