//! `tidegate cutover`: moves the streams of a running server between memory and Redis, and says how
//! far that is.

mod show;

use std::time::{Duration, Instant};

use node_runtime::settings::{Scope, Scopes};
use tokio::signal;

use self::show::{Steps, done, facts, in_words};
use crate::{
    cli::{CutoverArgs, Style},
    client::{Api, CutoverAsk, CutoverStatus, Refusal},
    console,
    exit::Exit,
    failure::Failure,
    target::Target,
};

/// How often a server is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How often in a row it may leave that without an answer.
const MISSES_MAX: u32 = 25;

/// Carries the command out.
///
/// # Errors
/// Fails where the switch is refused or does not go on, and where the server can't be reached.
pub(crate) async fn run(args: CutoverArgs, style: Style) -> Result<Exit, Failure> {
    let target = Target::of(&args.client, Scopes::none().with(Scope::Admin))?;
    let api = Api::new(target)?;
    let before = api.cutover_status().await?;
    let ask = match (&args, args.to) {
        (CutoverArgs { status: true, .. }, _) => {
            conclude(&before, style, &facts(&before));
            return Ok(Exit::Done);
        }
        (CutoverArgs { undo: true, .. }, to) => {
            meant(to.map(|to| to.as_str()), &before, CutoverAsk::Undo)?
        }
        (CutoverArgs { finalise: true, .. }, to) => {
            meant(to.map(|to| to.as_str()), &before, CutoverAsk::Finalise)?
        }
        (_, Some(to)) => CutoverAsk::To { backend: to.as_str(), soak: args.soak },
        (_, None) => return Err(Failure::usage("give --to, --status, --undo or --finalise")),
    };
    let sets_a_soak = matches!(ask, CutoverAsk::To { soak: Some(_), .. });
    let was_so = is_so(&before, ask);
    if was_so && !(sets_a_soak && before.state == "switched") {
        conclude(&before, style, &format!("nothing to do: {}", facts(&before)));
        return Ok(Exit::Done);
    }
    let began = Instant::now();
    let after = tokio::select! {
        after = carry_out(&api, ask) => after?,
        interrupted = signal::ctrl_c() => {
            interrupted.map_err(|error| Failure::failed("signals can't be received").because(error))?;
            return Err(Failure::failed(
                "interrupted: the switch goes on; `tidegate cutover --status` says how far it is, \
                 and `tidegate cutover --undo` takes it back",
            ));
        }
    };
    if was_so && is_so(&after, ask) {
        // Nothing moved but the soak.
        conclude(&after, style, &facts(&after));
        return Ok(Exit::Done);
    }
    finish(&after, ask, style, began.elapsed())
}

/// Checks that the switch is the one that is meant, where that was said.
fn meant(to: Option<&str>, before: &CutoverStatus, ask: CutoverAsk) -> Result<CutoverAsk, Failure> {
    match to {
        Some(to) if to != before.to => {
            Err(Failure::failed(format!("the last switch is to {}, not to {to}", before.to)))
        }
        _ => Ok(ask),
    }
}

/// Returns whether nothing is left to do.
fn is_so(status: &CutoverStatus, ask: CutoverAsk) -> bool {
    let rests = ["idle", "switched"].contains(&status.state.as_str()) && !status.is_running;
    match ask {
        CutoverAsk::To { backend: to, .. } => rests && status.owner == to && status.to == to,
        CutoverAsk::Undo | CutoverAsk::Finalise => status.state == "idle" && !status.is_running,
    }
}

/// Asks, and follows until it is done or does not go on.
async fn carry_out(api: &Api, ask: CutoverAsk) -> Result<CutoverStatus, Failure> {
    let mut steps = Steps::new();
    let mut status = match api.ask_cutover(ask).await {
        Ok(status) => status,
        Err(refusal) => return Err(refused(api, refusal).await),
    };
    let mut misses = 0;
    while status.is_running {
        steps.show(&status);
        tokio::time::sleep(LOOK_EVERY).await;
        match api.cutover_status().await {
            Ok(newer) => (status, misses) = (newer, 0),
            Err(refusal) if refusal.is_temporary() && misses < MISSES_MAX => misses += 1,
            Err(refusal) => return Err(refusal.into()),
        }
    }
    steps.show(&status);
    Ok(status)
}

/// Tells what can't be reached from what was reached and refuses.
async fn refused(api: &Api, refusal: Refusal) -> Failure {
    let message = refusal.chain();
    match &refusal {
        Refusal::Status { status: 422, .. } => Failure::usage(message),
        Refusal::Status { status: 503, .. } => {
            let status = api.cutover_status().await.ok();
            let kind = status.and_then(|status| status.error).map(|error| error.kind);
            match kind.as_deref() {
                None | Some("unreachable" | "draining") => Failure::unreachable(message),
                Some(_) => Failure::failed(message),
            }
        }
        _ => refusal.into(),
    }
}

fn finish(
    after: &CutoverStatus,
    ask: CutoverAsk,
    style: Style,
    took: Duration,
) -> Result<Exit, Failure> {
    if is_so(after, ask) {
        conclude(after, style, &done(after, ask, took));
        return Ok(Exit::Done);
    }
    if style == Style::Json {
        conclude(after, style, "");
    }
    let message = match &after.error {
        Some(error) => format!(
            "the switch stopped in the state {}: {}; ask again to go on, or --undo",
            after.state, error.message
        ),
        None => format!("somebody else has changed it meanwhile: {}", in_words(after)),
    };
    match after.error.as_ref().map(|error| error.kind.as_str()) {
        Some("unreachable" | "draining") => Err(Failure::unreachable(message)),
        _ => Err(Failure::failed(message)),
    }
}

fn conclude(status: &CutoverStatus, style: Style, words: &str) {
    match style {
        Style::Human => console::conclude(words),
        Style::Json => {
            let document = serde_json::to_string(status).expect("numbers and texts are JSON");
            console::conclude(&document);
        }
    }
}

#[cfg(test)]
mod tests;
