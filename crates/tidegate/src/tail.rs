//! `tidegate tail`: prints events as they come, and goes on after the last one whenever the
//! stream breaks.

mod session;
mod show;

use std::time::Duration;

use node_runtime::settings::{Scope, Scopes};
use tokio::{signal, time::timeout};

use self::session::{Session, Shown};
use crate::{
    cli::{Style, TailArgs},
    client::{Api, Backoff, Ended, EventFilter, FollowRequest, Following, Refusal, Transport},
    console,
    exit::Exit,
    failure::Failure,
    target::Target,
};

/// After so long without a byte the connection counts as lost: it is three heartbeats.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// A cursor that no server has ever given: it answers with a gap and the window's start.
const OLDEST: &str = "oldest";

/// Carries the command out.
///
/// # Errors
/// Fails where the server refuses the stream or was never reached, and where nothing can be printed.
pub(crate) async fn run(args: TailArgs, style: Style) -> Result<Exit, Failure> {
    let slip = |error| Failure::usage("--events").because(error);
    let filter = args.events.as_deref().map(str::parse::<EventFilter>);
    let request = FollowRequest {
        transport: if args.ws { Transport::WebSocket } else { Transport::Sse },
        stream: args.stream,
        filter: filter.transpose().map_err(slip)?,
        after: None,
        last_event_id: None,
        receive_buffer: None,
    };
    let target = Target::of(&args.client, Scopes::none().with(Scope::Subscribe))?;
    let tail = Tail { api: Api::new(target.clone())?, target, request, wait: args.wait };
    let begin = if args.from_start { Some(OLDEST.to_owned()) } else { args.after };
    let mut session = Session::new(begin, args.from_start, args.count, style);
    tokio::select! {
        // In this order: whoever sees that it is connected may interrupt it in order.
        biased;
        interrupted = signal::ctrl_c() => match interrupted {
            Ok(()) => Ok(Exit::Done),
            Err(error) => Err(Failure::failed("signals can't be received").because(error)),
        },
        ended = tail.follow(&mut session) => ended,
    }
}

struct Tail {
    api: Api,
    target: Target,
    request: FollowRequest,
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

    async fn open(&self, session: &Session) -> Result<Following, Refusal> {
        let request = FollowRequest { last_event_id: session.cursor(), ..self.request.clone() };
        Following::open(&self.target, &self.api, &request).await
    }

    async fn read(
        &self,
        mut stream: Following,
        session: &mut Session,
        retry: &mut Option<Duration>,
    ) -> Result<End, Failure> {
        loop {
            let mut shown = Ok(Shown::More);
            let read = stream.read(|message| {
                if matches!(shown, Ok(Shown::More)) {
                    shown = session.take(message);
                }
            });
            let read = timeout(SILENCE_MAX, read).await;
            let shown = shown
                .map_err(|e| Failure::failed("standard output can't be written").because(e))?;
            *retry = stream.retry().or(*retry);
            session.passed(stream.last_id());
            match (shown, read) {
                (Shown::Enough, _) => return Ok(End::Enough),
                (Shown::More, Ok(Ok(_))) => {}
                (Shown::More, Ok(Err(ended))) => return end(ended),
                (Shown::More, Err(_)) => return Ok(End::Broken("the stream is silent".into())),
            }
        }
    }
}

/// Tells an end after which the stream is resumed from one that is final.
fn end(ended: Ended) -> Result<End, Failure> {
    match ended {
        Ended::Refused(refusal) if !refusal.is_temporary() => Err(refusal.into()),
        Ended::Garbled(what) => Err(Failure::failed(what)),
        ended => Ok(End::Broken(ended.to_string())),
    }
}
