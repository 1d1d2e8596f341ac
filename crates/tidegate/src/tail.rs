//! `tidegate tail`: prints events as they come, and goes on after the last one whenever the
//! stream breaks.

mod session;
mod show;

use std::time::Duration;

use form_urlencoded::Serializer;
use node_runtime::settings::{Scope, Scopes};
use tokio::{signal, time::timeout};

use self::session::{Session, Shown};
use crate::{
    cli::{Style, TailArgs},
    client::{Api, Backoff, Refusal, Stream, StreamRequest},
    console,
    exit::Exit,
    failure::Failure,
    sse::Parser,
    target::Target,
};

/// After so long without a byte the connection counts as lost: it is three heartbeats.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// A cursor that no server has ever given: it answers with a gap and the window's start.
const OLDEST: &str = "oldest";

/// Carries the command out.
///
/// # Errors
/// Fails where the server refuses the stream, or was never reached.
pub(crate) async fn run(args: TailArgs, style: Style) -> Result<Exit, Failure> {
    let target = Target::of(&args.client, Scopes::none().with(Scope::Subscribe))?;
    let tail =
        Tail { api: Api::new(target.clone())?, target, query: query(&args), wait: args.wait };
    let begin = if args.from_start { Some(OLDEST.to_owned()) } else { args.after };
    let mut session = Session::new(begin, args.from_start, args.count, style);
    tokio::select! {
        ended = tail.follow(&mut session) => ended,
        interrupted = signal::ctrl_c() => match interrupted {
            Ok(()) => Ok(Exit::Done),
            Err(error) => Err(Failure::failed("signals can't be received").because(error)),
        },
    }
}

fn query(args: &TailArgs) -> String {
    let mut query = Serializer::new(String::new());
    let parts = [("stream", &args.stream), ("events", &args.events)];
    for (name, value) in parts {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

struct Tail {
    api: Api,
    target: Target,
    query: String,
    wait: bool,
}

/// How a stream ended.
enum End {
    /// Everything that was asked for was printed, or nobody reads it any more.
    Enough,
    /// The connection is gone.
    Broken(String),
}

impl Tail {
    async fn follow(&self, session: &mut Session) -> Result<Exit, Failure> {
        let mut backoff = Backoff::default();
        let mut retry = None;
        let mut was_there = self.wait;
        loop {
            let wait = match self.open(session).await {
                Ok(stream) => {
                    was_there = true;
                    backoff.succeeded();
                    match self.read(stream, session, &mut retry).await? {
                        End::Enough => return Ok(Exit::Done),
                        End::Broken(why) => {
                            let wait = backoff.wait(retry, &mut rand::rng());
                            console::note(&format!("{why}; reconnecting in {wait:.1?}"));
                            wait
                        }
                    }
                }
                Err(refusal) if was_there && refusal.is_temporary() => {
                    let wait = backoff.wait(refusal.retry_after(), &mut rand::rng());
                    console::note(&format!("{}; reconnecting in {wait:.1?}", refusal.chain()));
                    wait
                }
                Err(refusal) => return Err(refusal.into()),
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn open(&self, session: &Session) -> Result<Stream, Refusal> {
        let request = StreamRequest {
            query: self.query.clone(),
            last_event_id: session.cursor(),
            receive_buffer: None,
        };
        Stream::open(&self.target, &self.api, &request).await
    }

    async fn read(
        &self,
        mut stream: Stream,
        session: &mut Session,
        retry: &mut Option<Duration>,
    ) -> Result<End, Failure> {
        let mut parser = Parser::default();
        loop {
            let mut fed = Ok(());
            let mut shown = Shown::More;
            let read = stream.read(|bytes| {
                fed = parser.feed(bytes, |message| shown = shown.then(|| session.take(message)));
            });
            let read = timeout(SILENCE_MAX, read).await;
            fed.map_err(|error| Failure::failed(error.to_string()))?;
            *retry = parser.retry().or(*retry);
            session.passed(parser.last_id());
            match (shown, read) {
                (Shown::Enough, _) => return Ok(End::Enough),
                (Shown::More, Ok(Ok(true))) => {}
                (Shown::More, Ok(Ok(false))) => return Ok(End::Broken("the stream ended".into())),
                (Shown::More, Ok(Err(error))) => return Ok(End::Broken(error.to_string())),
                (Shown::More, Err(_)) => return Ok(End::Broken("the stream is silent".into())),
            }
        }
    }
}
