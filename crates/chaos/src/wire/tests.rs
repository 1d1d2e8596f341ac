//! What is on the wire, cut anywhere, gives the same messages over either transport.

use super::*;

const ENVELOPE: &str = r#"{"id":"evt_x","payload":{}}"#;

fn expected(at: Position) -> Vec<Message> {
    vec![
        Message::Begins { resume: "resumed".into(), last: Some(at) },
        Message::Event { at, json: ENVELOPE.into() },
        Message::Gap { reason: "data_loss".into(), resumes_at: at },
        Message::Goodbye("drain".into()),
    ]
}

fn place() -> Position {
    Position::new(event::Epoch::from_bits(77), event::Seq(5))
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
    let at = place();
    let bytes = format!(
        "retry: 2000\n\nevent: connected\ndata: {{\"resume\":\"resumed\",\"lastEventId\":\"{at}\"}}\n\n\
         : heartbeat\n\nid: {at}\nevent: chaos.tick\ndata: {ENVELOPE}\n\n\
         id: {at}\nevent: gap\ndata: {{\"reason\":\"data_loss\",\"resumes_at\":\"{at}\"}}\n\n\
         event: goodbye\ndata: {{\"reason\":\"drain\",\"retry_ms\":1}}\n\n"
    );
    for size in [1, 2, 7, 1000] {
        let take = |buffer: &mut BytesMut| sse::message(buffer).expect("it is no nonsense");
        assert_eq!(collect(bytes.as_bytes(), size, take), expected(at), "{size}");
    }
}

#[test]
fn web_sockets_are_read_wherever_they_are_cut() {
    let at = place();
    let mut bytes = Vec::new();
    for text in [
        r#"{"type":"connected","orgId":"o"}"#.to_owned(),
        format!(r#"{{"type":"subscribed","resume":"resumed","replayed":0,"lastEventId":"{at}"}}"#),
        format!(r#"{{"type":"event","stream":"events","cursor":"{at}","envelope":{ENVELOPE}}}"#),
        format!(r#"{{"type":"gap","reason":"data_loss","resumes_at":"{at}","missed":null}}"#),
        r#"{"type":"goodbye","reason":"drain","retry_ms":1}"#.to_owned(),
    ] {
        let text = text.replace("\"type\"", &format!("{}\"type\"", " ".repeat(100)));
        bytes.extend_from_slice(&[0x81, 126]);
        bytes.extend_from_slice(&(text.len() as u16).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    for size in [1, 2, 7, 1000] {
        let take = |buffer: &mut BytesMut| match ws::frame(buffer).expect("it is no nonsense")? {
            ws::Frame::Text(text) => Some(ws::message(&text).expect("it is no nonsense")),
            _ => None,
        };
        assert_eq!(collect(&bytes, size, take), expected(at), "{size}");
    }
}

#[test]
fn nonsense_is_told() {
    let mut buffer = BytesMut::from("event: chaos.tick\ndata: {}\n\n");
    assert!(matches!(sse::message(&mut buffer), Err(Ended::Nonsense(_))));
    let mut buffer = BytesMut::from("id: x-y\nevent: chaos.tick\ndata: {}\n\n");
    assert!(matches!(sse::message(&mut buffer), Err(Ended::Nonsense(_))));
    assert!(matches!(ws::message(&Bytes::from("{\"type\":\"what\"}")), Err(Ended::Nonsense(_))));
    let mut buffer = BytesMut::from(&[0x01, 0x01, b'a'][..]);
    assert!(matches!(ws::frame(&mut buffer), Err(Ended::Nonsense(_))));
}
