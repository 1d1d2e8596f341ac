//! A thread is heard over both transports, and what is wrong with a message is found.

use super::*;
use crate::{check, stamp::Stamp, ws::text_head};

fn mark() -> Mark {
    Mark::new(9)
}

fn body(seq: u64) -> String {
    let mut body = Vec::new();
    mark().write(Stamp { stream: 0, number: seq, sent_us: seq }, &mut body);
    String::from_utf8(body).unwrap()
}

fn json(seq: u64, body: &str) -> String {
    format!(
        r#"{{"thread_id":"t","message_id":"m{seq}","seq":{seq},"author_id":"a","body":"{body}","attachments":[],"created_at_ms":5,"edited_at_ms":null,"deleted_at_ms":null,"request_id":null,"correlation_id":null}}"#
    )
}

fn sse(name: &str, data: &str) -> Vec<u8> {
    format!("id: e-1\nevent: {name}\ndata: {data}\n\n").into_bytes()
}

fn ws(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    text_head(text.len(), &mut bytes);
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn framed(transport: Transport, json: &str) -> Vec<u8> {
    match transport {
        Transport::Sse => sse("message", json),
        Transport::Ws => ws(&format!(
            r#"{{"type":"event","stream":"thread:t","cursor":"e-1","envelope":{{"id":"evt_1","org_id":"o","event":"message.sent","timestamp":"now","version":"v1","payload":{json}}}}}"#
        )),
    }
}

/// What the database has.
fn back(last: u64) -> BTreeMap<u64, Said> {
    (1..=last).map(|seq| (seq, read(json(seq, &body(seq)).as_bytes()).unwrap())).collect()
}

/// Lets two readers hear the same bytes, cut into pieces; returns their faults, those of what was
/// said, and how many messages they heard.
fn hear(transport: Transport, bytes: &[u8], size: usize) -> (check::Faults, Faults, u64) {
    let mut listener = Listener::new(mark(), transport);
    let (mut checks, mut seen) = ([(); 2].map(|()| Check::new(0, 1)), 0);
    for (reader, check) in checks.iter_mut().enumerate() {
        for piece in bytes.chunks(size) {
            let used = listener.hear(reader, check, piece, |_| seen += 1);
            assert_eq!(used, Ok(piece.len()));
        }
    }
    (checks[0].faults(4), listener.heard().faults(&back(4)), seen)
}

#[test]
fn a_thread_is_heard_wherever_it_is_cut() {
    for transport in [Transport::Sse, Transport::Ws] {
        let mut bytes = match transport {
            Transport::Sse => [b"retry: 5\n\n".to_vec(), sse("ping", "{}")].concat(),
            Transport::Ws => {
                [ws(r#"{"type":"connected"}"#), ws(r#"{"type":"subscribed"}"#)].concat()
            }
        };
        (1..=4).for_each(|seq| bytes.extend(framed(transport, &json(seq, &body(seq)))));
        for size in [1, 7, 200, bytes.len()] {
            let expected = (check::Faults::default(), Faults::default(), 8);
            assert_eq!(hear(transport, &bytes, size), expected, "{transport:?} {size}");
        }
    }
}

#[test]
fn what_is_wrong_is_found_for_each_reader() {
    for transport in [Transport::Sse, Transport::Ws] {
        let heard = |seqs: &[(u64, &str)]| {
            let frames = seqs.iter().map(|(seq, body)| framed(transport, &json(*seq, body)));
            let (numbers, faults, _) = hear(transport, &frames.collect::<Vec<_>>().concat(), 1000);
            (numbers, faults)
        };
        let bodies: Vec<_> = (0..=5).map(body).collect();
        let of = |seqs: &[u64]| -> Vec<(u64, &str)> {
            seqs.iter().map(|seq| (*seq, bodies[*seq as usize].as_str())).collect()
        };
        let (none, right) = (check::Faults::default(), Faults::default());
        assert_eq!(heard(&of(&[1, 2, 3, 4])), (none, right));
        assert_eq!(heard(&of(&[1, 3, 4])), (check::Faults { lost: 1, ..none }, right));
        assert_eq!(heard(&of(&[1, 2, 2, 3, 4])), (check::Faults { repeated: 1, ..none }, right));
        assert_eq!(heard(&of(&[1, 3, 2, 4])), (check::Faults { reordered: 1, ..none }, right));
        let mut altered = of(&[1, 2, 3, 4]);
        altered[2].1 = &bodies[4];
        assert_eq!(heard(&altered), (none, Faults { altered: 2, ..right }));
        let more = heard(&of(&[1, 2, 3, 4, 5])).1;
        assert_eq!(more, Faults { unacknowledged: 2, ..right });
    }
}

#[test]
fn a_hole_or_an_end_that_is_told_breaks_the_stream() {
    let check = |transport, bytes: Vec<u8>, part: &str| {
        let mut listener = Listener::new(mark(), transport);
        let heard = listener.hear(0, &mut Check::new(0, 1), &bytes, |_| {});
        assert!(heard.as_ref().is_err_and(|why| why.contains(part)), "{heard:?}");
    };
    check(Transport::Sse, sse("gap", r#"{"reason":"lagged"}"#), "lagged");
    check(Transport::Sse, sse("closed", r#"{"reason":"permission_lost"}"#), "permission_lost");
    check(Transport::Sse, sse("message", r#"{"seq":"x"}"#), "seq");
    check(Transport::Ws, ws(r#"{"type":"goodbye","reason":"drain"}"#), "goodbye");
    check(Transport::Ws, vec![0x88, 2, 3, 0xf0], "1008");
}
