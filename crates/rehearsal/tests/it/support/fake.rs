//! A server of events that does one thing wrong, over a socket of its own.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use event::{Epoch, Position, Seq};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::{Mutex, watch},
    task::JoinSet,
    time::timeout,
};

/// How long an event waits for the one that it changes places with.
const PARTNER_WITHIN: Duration = Duration::from_secs(1);

/// What it does wrong with every tenth event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Nothing,
    Loses,
    Repeats,
    Swaps,
    Alters,
    /// Stores it a second time where its key comes again.
    HasTwoEffects,
    /// Tells of a gap and leaves it out.
    TellsOfGap,
    /// Says goodbye and closes.
    SaysGoodbye,
    /// Closes without a word.
    Closes,
}

/// The server; it ends with the handle.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

struct State {
    wrong: Wrong,
    log: Mutex<Log>,
    length: watch::Sender<usize>,
}

#[derive(Default)]
struct Log {
    events: Vec<String>,
    keys: HashMap<String, String>,
}

impl Fake {
    pub(crate) async fn start(wrong: Wrong) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let (log, length) = (Mutex::default(), watch::Sender::new(0));
        let state = Arc::new(State { wrong, log, length });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                connections.spawn(async move {
                    let _client_left = serve(socket, &state).await;
                });
            }
        });
        Fake { address, _tasks: tasks }
    }
}

async fn serve(socket: TcpStream, state: &State) -> std::io::Result<()> {
    let mut socket = BufReader::new(socket);
    let (mut line, mut headers) = (String::new(), HashMap::new());
    socket.read_line(&mut line).await?;
    loop {
        let mut header = String::new();
        socket.read_line(&mut header).await?;
        match header.trim().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    socket.read_exact(&mut body).await?;
    let mut socket = socket.into_inner();
    if line.starts_with("POST") {
        let key = headers.get("idempotency-key").cloned().unwrap_or_default();
        let body = String::from_utf8_lossy(&body).into_owned();
        let id = state.append(key, &body).await;
        let answer = format!(r#"{{"id":"{id}"}}"#);
        let length = answer.len();
        let head = "HTTP/1.1 201 Created\r\nx-tidegate-arm: canary\r\nconnection: close";
        let answer = format!("{head}\r\ncontent-length: {length}\r\n\r\n{answer}");
        return socket.write_all(answer.as_bytes()).await;
    }
    let after = headers.get("last-event-id").and_then(|cursor| cursor.parse().ok());
    let after = after.map(|place: Position| place.seq.0 as usize);
    state.stream(socket, after).await
}

fn cursor(seq: usize) -> String {
    Position::new(Epoch::from_bits(7), Seq(seq as u64)).to_string()
}

impl State {
    async fn append(&self, key: String, body: &str) -> String {
        let mut log = self.log.lock().await;
        let number = log.events.len() + 1;
        if let Some(id) = log.keys.get(&key)
            && !(self.wrong == Wrong::HasTwoEffects && number.is_multiple_of(10))
        {
            return id.clone();
        }
        let id = format!("evt_{number}");
        let rest = body.trim_start_matches('{');
        log.events.push(format!(r#"{{"id":"{id}",{rest}"#));
        log.keys.insert(key, id.clone());
        self.length.send_replace(number);
        id
    }

    async fn stream(&self, mut socket: TcpStream, after: Option<usize>) -> std::io::Result<()> {
        let mut length = self.length.subscribe();
        let mut at = after.unwrap_or(*length.borrow());
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-tidegate-arm: canary";
        let begin = format!(
            "{head}\r\n\r\nevent: connected\ndata: {{\"lastEventId\":\"{}\"}}\n\n",
            cursor(at)
        );
        socket.write_all(begin.as_bytes()).await?;
        loop {
            let is_turn = at % 10 == 4 && self.wrong != Wrong::Nothing;
            drop(length.wait_for(|length| *length > at).await);
            // Those that change places are two; the last one of all has nobody to change with.
            let second = at + 2;
            let comes = timeout(PARTNER_WITHIN, length.wait_for(|length| *length >= second));
            let swaps = is_turn && self.wrong == Wrong::Swaps && comes.await.is_ok();
            let is_turn = is_turn && (swaps || self.wrong != Wrong::Swaps);
            let count = if swaps { 2 } else { 1 };
            let frames: Vec<_> = {
                let log = self.log.lock().await;
                let of = |seq: usize| {
                    let data = &log.events[seq - 1];
                    format!("id: {}\nevent: rehearsal.tick\ndata: {data}\n\n", cursor(seq))
                };
                (at + 1..=at + count).map(of).collect()
            };
            at += count;
            let text = if is_turn { self.wronged(&frames, at) } else { frames.concat() };
            socket.write_all(text.as_bytes()).await?;
            if is_turn && matches!(self.wrong, Wrong::SaysGoodbye | Wrong::Closes) {
                return Ok(());
            }
        }
    }

    /// Returns events as they are sent when something is to be wrong; `at` is the last one's number.
    fn wronged(&self, frames: &[String], at: usize) -> String {
        let first = &frames[0];
        match self.wrong {
            Wrong::Nothing | Wrong::HasTwoEffects | Wrong::Closes => first.clone(),
            Wrong::Loses => String::new(),
            Wrong::Repeats => first.repeat(2),
            Wrong::Swaps => format!("{}{first}", frames[1]),
            Wrong::Alters => first.replace("\"fill\":\"", "\"fill\":\"y"),
            Wrong::TellsOfGap => {
                let data = format!(r#"{{"reason":"lagged","resumes_at":"{}"}}"#, cursor(at));
                format!("id: {}\nevent: gap\ndata: {data}\n\n", cursor(at))
            }
            Wrong::SaysGoodbye => {
                format!("{first}event: goodbye\ndata: {{\"reason\":\"drain\",\"retry_ms\":1}}\n\n")
            }
        }
    }
}
