//! A reader reads its stream however it is cut, and goes on over the other transport.

use super::*;
use crate::{args::Transport, payload::Payloads, server, server::Begin, stamp::Stamp};

const SSE_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nserver: x\r\n\r\nretry: 1\n\n\
    id: e-0\nevent: connected\ndata: {\"lastEventId\":\"e-0\"}\n\n";

/// Brings a reader to where it awaits the answer, without a socket.
fn ask(reader: &mut Reader, transport: Transport) {
    let begin = Begin::Back { events: 0, cursor: reader.account.cursor() };
    let dialect = server::tidegate(transport, Payloads::new(Mark::new(3), 0));
    reader.opening = Some(dialect.open(0, &begin));
    reader.messages = match transport {
        Transport::Sse => Messages::sse(BEGINNING_BYTES),
        Transport::Ws => Messages::ws(BEGINNING_BYTES),
    };
    reader.state = State::Head;
}

fn take(reader: &mut Reader, bytes: &[u8], size: usize, news: &mut News) -> Option<End> {
    let mark = Mark::new(3);
    let mut end = None;
    for piece in bytes.chunks(size) {
        let mut ear = Ear { mark: &mark, now_us: 50, news: &mut *news };
        end = end.or(reader.take(piece, &mut ear));
    }
    end
}

fn blocks(numbers: std::ops::RangeInclusive<u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in numbers {
        let stamp = Stamp { stream: 0, number, sent_us: 10 * number };
        Payloads::new(Mark::new(3), 100).sse_frame(stamp, &mut bytes);
    }
    bytes
}

#[test]
fn a_stream_goes_on_over_another_transport() {
    for size in [1, 3, 40, 10_000] {
        let mut reader = Reader::new(Part { stream: 0, is_slow: false });
        let mut news = News::new();
        ask(&mut reader, Transport::Sse);
        assert_eq!(take(&mut reader, &[SSE_HEAD, &blocks(1..=4)].concat(), size, &mut news), None);
        assert_eq!((reader.close(), news.received, news.readers), (State::Live, 4, 1), "{size}");

        ask(&mut reader, Transport::Ws);
        let then = reader.opening.as_ref().unwrap().then.clone().unwrap();
        assert_eq!(
            then,
            ws::masked_text(r#"{"type":"subscribe","after":"0000000000000-00000004"}"#)
        );
        let mut bytes = ws::ACCEPT.as_bytes().to_vec();
        let mut texts = vec![br#"{"type":"subscribed","lastEventId":"e-4"}"#.to_vec(), Vec::new()];
        let stamp = Stamp { stream: 0, number: 5, sent_us: 60 };
        Payloads::new(Mark::new(3), 100).ws_text(stamp, &mut texts[1]);
        for text in texts {
            ws::text_head(text.len(), &mut bytes);
            bytes.extend_from_slice(&text);
        }
        bytes.extend_from_slice(&[0x88, 2, 0x03, 0xf5]);
        assert_eq!(take(&mut reader, &bytes, size, &mut news), Some(End::Closed));
        assert_eq!((news.counts.opened, news.counts.resumed), (2, 1));
        assert_eq!(reader.account.faults(5), Some(crate::check::Faults::default()));
        assert_eq!(news.latency_us.len(), 1, "replays have no latency");
    }
}

#[test]
fn another_status_is_a_refusal() {
    let mut reader = Reader::new(Part { stream: 0, is_slow: false });
    ask(&mut reader, Transport::Sse);
    let end = take(&mut reader, b"HTTP/1.1 503 Nope\r\n\r\n", 100, &mut News::new());
    let why = "answered a reader with \"HTTP/1.1 503 Nope\"".to_owned();
    assert_eq!(end, Some(End::Broken(why)));
}
