//! The fake server's WebSocket: one stream, or publishing.

use std::{
    io::{self, Write},
    net::TcpStream,
    time::Duration,
};

use data_encoding::BASE64;
use event::Position;
use serde_json::Value;
use sha1::{Digest, Sha1};
use tungstenite::{
    Message, WebSocket,
    protocol::{CloseFrame, Role},
};

use super::{
    Fault, Shared,
    feed::{Next, next},
    http::{Request, answer},
    log::place,
};

const CONNECTED: &str =
    r#"{"type":"connected","orgId":"acme","backend":"memory","realtimeStatus":"healthy"}"#;

/// Joined to the client's key before it is hashed (RFC 6455, 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

type Socket<'a> = WebSocket<&'a TcpStream>;

/// Serves a WebSocket until it ends or its life does.
pub(super) fn serve(
    shared: &Shared,
    mut socket: &TcpStream,
    request: &Request,
    life: u32,
) -> io::Result<()> {
    if shared.state.lock().unwrap().has(Fault::Unauthorized) {
        let body = r#"{"error":{"code":"unauthorized","message":"no such key","request_id":"r"}}"#;
        return answer(socket, 401, body);
    }
    let key = request.header("sec-websocket-key").unwrap();
    let accept = BASE64.encode(&Sha1::new().chain_update(key).chain_update(GUID).finalize());
    write!(
        socket,
        "HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    )?;
    let mut web = WebSocket::from_raw_socket(socket, Role::Server, None);
    say(&mut web, CONNECTED.to_owned())?;
    loop {
        let Message::Text(text) = web.read().map_err(io::Error::other)? else { return Ok(()) };
        let said: Value = serde_json::from_str(&text).unwrap();
        match said["type"].as_str().unwrap() {
            "subscribe" => return subscribed(shared, &mut web, &said, life),
            "publish" => {
                let mut log = shared.state.lock().unwrap();
                let key = format!("ws {}", said["idempotency_key"].as_str().unwrap_or_default());
                let answer = if log.life == life { log.publish(&key, &text) } else { None };
                // Not each time, so that those who publish several at once get on.
                log.published += 1;
                let is_tenth = log.published.is_multiple_of(10);
                let farewell = log.closes_with().filter(|_| is_tenth);
                drop(log);
                shared.changed.notify_all();
                let Some((status, body)) = answer else { return Ok(()) };
                let answer = Message::text(published(&said["ref"], status, &body));
                web.write(answer).map_err(io::Error::other)?;
                if let Some(code) = farewell {
                    return close(&mut web, code);
                }
                web.flush().map_err(io::Error::other)?;
            }
            other => panic!("nobody says {other}"),
        }
    }
}

/// Writes what a publisher is answered.
fn published(reference: &Value, status: u16, body: &str) -> String {
    let (kind, fields) = match status {
        201 => ("ack", body.to_owned()),
        _ => {
            let body: Value = serde_json::from_str(body).unwrap();
            ("error", body["error"].to_string())
        }
    };
    format!(r#"{{"type":"{kind}","ref":{reference},{}"#, &fields[1..])
}

fn subscribed(shared: &Shared, web: &mut Socket<'_>, said: &Value, life: u32) -> io::Result<()> {
    let stream = said["stream"].as_str().unwrap_or("events");
    let mut sent = {
        let mut log = shared.state.lock().unwrap();
        log.said.push(said.to_string());
        let after = said["after"].as_str().and_then(|text| text.parse::<Position>().ok());
        after.map_or(log.events.len(), |after| usize::try_from(after.seq.0).unwrap())
    };
    let at = place(sent);
    say(
        web,
        format!(
            r#"{{"type":"subscribed","stream":"{stream}","resume":"fresh","replayed":0,"lastEventId":"{at}"}}"#
        ),
    )?;
    ping(shared, web)?;
    let first = sent;
    loop {
        let texts: Vec<_> = {
            let mut log = shared.state.lock().unwrap();
            while log.events.len() == sent && log.life == life {
                log = shared.changed.wait_timeout(log, Duration::from_secs(10)).unwrap().0;
            }
            if log.life != life || log.has(Fault::Cut) && sent >= first + 2 {
                return Ok(());
            }
            if let Some(code) = log.closes_with().filter(|_| sent >= first + 2) {
                drop(log);
                return close(web, code);
            }
            let turned = log.has(Fault::Turned);
            next(&mut log, &mut sent).iter().map(|next| text(next, stream, turned)).collect()
        };
        texts.into_iter().try_for_each(|text| say(web, text))?;
    }
}

/// Asks whether the client is there, and waits for its answer.
fn ping(shared: &Shared, web: &mut Socket<'_>) -> io::Result<()> {
    web.send(Message::Ping("there?".into())).map_err(io::Error::other)?;
    let answer = web.read().map_err(io::Error::other)?;
    assert_eq!(answer, Message::Pong("there?".into()));
    shared.state.lock().unwrap().pongs += 1;
    Ok(())
}

/// Closes, after a goodbye where there is one, in one piece with what was written before, and waits
/// for the client's close frame.
fn close(web: &mut Socket<'_>, code: u16) -> io::Result<()> {
    if code == 1001 {
        let goodbye = r#"{"type":"goodbye","reason":"drain","retry_ms":20}"#;
        web.write(Message::text(goodbye)).map_err(io::Error::other)?;
    }
    let frame = CloseFrame { code: code.into(), reason: "as it was told".into() };
    web.close(Some(frame)).map_err(io::Error::other)?;
    while web.read().is_ok() {}
    Ok(())
}

fn text(next: &Next, stream: &str, turned: bool) -> String {
    match next {
        Next::Event(position, json) if turned => {
            format!(
                r#"{{"envelope": {json}, "stream":"{stream}", "cursor":"{position}","type":"event"}}"#
            )
        }
        Next::Event(position, json) => format!(
            r#"{{"type":"event","stream":"{stream}","cursor":"{position}","envelope":{json}}}"#
        ),
        Next::Gap(_, data) => format!(r#"{{"type":"gap","stream":"{stream}",{}"#, &data[1..]),
    }
}

fn say(web: &mut Socket<'_>, text: String) -> io::Result<()> {
    web.send(Message::text(text)).map_err(io::Error::other)
}
