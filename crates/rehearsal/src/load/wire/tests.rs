//! What is on the wire, cut anywhere, gives the same messages over either transport.

use super::*;

const ENVELOPE: &str = r#"{"id":"evt_x","payload":{}}"#;

fn at() -> Place {
    let position = Position::new(event::Epoch::from_bits(77), event::Seq(5));
    Place { cursor: position.to_string(), seq: 5 }
}

fn expected() -> Vec<Message> {
    vec![
        Message::Begins(Some(at())),
        Message::Event { place: at(), json: ENVELOPE.into() },
        Message::Gap { reason: "data_loss".into(), resumes_at: at() },
        Message::Goodbye { retry_ms: 17 },
    ]
}

/// Feeds bytes in pieces and collects what comes out.
fn collect(
    bytes: &[u8],
    size: usize,
    mut take: impl FnMut(&mut BytesMut) -> Option<Message>,
) -> Vec<Message> {
    let (mut buffer, mut found) = (BytesMut::new(), Vec::new());
    for piece in bytes.chunks(size) {
        buffer.extend_from_slice(piece);
        while let Some(message) = take(&mut buffer) {
            found.push(message);
        }
    }
    found.into_iter().filter(|message| *message != Message::Other).collect()
}

#[test]
fn event_streams_are_read_wherever_they_are_cut() {
    let cursor = at().cursor;
    for begins in [
        format!(
            "event: connected\ndata: {{\"resume\":\"resumed\",\"lastEventId\":\"{cursor}\"}}\n\n"
        ),
        format!("id: {cursor}\nevent: ping\ndata: {{}}\n\n"),
    ] {
        let bytes = format!(
            "retry: 2000\n\n{begins}: heartbeat\n\nid: {cursor}\nevent: a.b\ndata: {ENVELOPE}\n\n\
             id: {cursor}\nevent: gap\n\
             data: {{\"reason\":\"data_loss\",\"resumes_at\":\"{cursor}\"}}\n\n\
             event: goodbye\ndata: {{\"reason\":\"drain\",\"retry_ms\":17}}\n\n"
        );
        for size in [1, 2, 7, 1000] {
            let take = |buffer: &mut BytesMut| sse::message(buffer).expect("it is no nonsense");
            assert_eq!(collect(bytes.as_bytes(), size, take), expected(), "{size}");
        }
    }
}

#[test]
fn web_sockets_are_read_wherever_they_are_cut() {
    let cursor = at().cursor;
    let mut bytes = Vec::new();
    for text in [
        r#"{"type":"connected","orgId":"o"}"#.to_owned(),
        format!(r#"{{"type":"subscribed","resume":"fresh","lastEventId":"{cursor}"}}"#),
        format!(r#"{{"type":"event","cursor":"{cursor}","envelope":{ENVELOPE}}}"#),
        format!(r#"{{"type":"gap","reason":"data_loss","resumes_at":"{cursor}","missed":null}}"#),
        r#"{"type":"goodbye","reason":"drain","retry_ms":17}"#.to_owned(),
    ] {
        let text = text.replace("\"type\"", &format!("{}\"type\"", " ".repeat(100)));
        bytes.extend_from_slice(&[0x81, 126]);
        bytes.extend_from_slice(&(text.len() as u16).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    for size in [1, 2, 7, 1000] {
        let take = |buffer: &mut BytesMut| match ws::frame(buffer).expect("it is no nonsense")? {
            ws::Incoming::Text(text) => Some(ws::message(&text).expect("it is no nonsense")),
            _ => None,
        };
        assert_eq!(collect(&bytes, size, take), expected(), "{size}");
    }
}

#[test]
fn nonsense_is_told() {
    let nonsense = [&b"event: a.b\ndata: {}\n\n"[..], b"id: x-y\nevent: a.b\ndata: {}\n\n"];
    for bytes in nonsense {
        assert!(matches!(sse::message(&mut BytesMut::from(bytes)), Err(Ended::Nonsense(_))));
    }
    assert!(matches!(ws::message(&Bytes::from("{\"type\":\"what\"}")), Err(Ended::Nonsense(_))));
    let mut buffer = BytesMut::from(&[0x01, 0x01, b'a'][..]);
    assert!(matches!(ws::frame(&mut buffer), Err(Ended::Nonsense(_))));
}

#[test]
fn requests_say_who_wants_what() {
    let way = |transport, target| Way {
        router: ([127, 0, 0, 1], 1).into(),
        key: "a-key".into(),
        transport,
        target,
    };
    let events = sse::request(&way(Transport::Sse, Target::Events), Some("c"));
    assert!(events.starts_with("GET /api/stream HTTP/1.1\r\n"), "{events}");
    assert!(
        events.contains("x-api-key: a-key\r\n") && events.ends_with("last-event-id: c\r\n\r\n")
    );
    let thread = sse::request(&way(Transport::Sse, Target::Thread("t".into())), None);
    assert!(thread.starts_with("GET /v1/chat/threads/t/messages/stream "), "{thread}");
    let socket = ws::request(&way(Transport::WebSocket, Target::Events));
    assert!(socket.starts_with("GET /api/ws ") && socket.ends_with("\r\n\r\n"), "{socket}");
    let sent = ws::subscribe(Some("c"));
    let mut cursor = io::Cursor::new(&sent[..]);
    let header = tungstenite::protocol::frame::FrameHeader::parse(&mut cursor);
    assert!(header.is_ok_and(|header| header.is_some_and(|(header, _)| header.mask.is_some())));
}
