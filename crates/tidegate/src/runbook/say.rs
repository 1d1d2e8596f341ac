//! What people say to a run: it is put into the run's folder, and the process that carries the run out
//! answers whether it counts.

use std::{fs, path::Path, time::Duration};

use ::evidence::{Choice, KeyName, Signer};
use conductor::{Answer, By, Event, Inbox, Onlooker, Request, Status, Word};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::open;
use crate::{
    cli::{AbortArgs, ApproveArgs, HoldArgs, Style, WhoArgs},
    console,
    exit::Exit,
    failure::Failure,
};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// From look to look for the answer.
const LOOK: Duration = Duration::from_millis(50);

/// Approves, lets go on, vouches, waives, or asks for a step again.
///
/// # Errors
/// Fails where the run or the key can't be read.
pub(super) async fn approve(args: ApproveArgs, style: Style) -> Result<Exit, Failure> {
    let run = open(&args.dir)?;
    if let Some(step) = args.again {
        // Of a step that nobody knows the end of it is decided that it was not done.
        if matches!(run.state.status(&step), Some(Status::Unknown(_))) {
            return say(&run, (Choice::Deny, Some(step)), args.who, style).await;
        }
        return put(&run, &Request::Again { step }, style).await;
    }
    let (choice, about) = match (args.go, args.step, args.waive) {
        (true, ..) => (Choice::Go, None),
        (_, Some(step), _) => (Choice::Attest, Some(step)),
        (_, _, Some(what)) => (Choice::Waive, Some(what)),
        _ => (Choice::Approve, None),
    };
    say(&run, (choice, about), args.who, style).await
}

/// Stops a run.
///
/// # Errors
/// Fails where the run or the key can't be read.
pub(super) async fn hold(args: HoldArgs, style: Style) -> Result<Exit, Failure> {
    let run = open(&args.dir)?;
    say(&run, (Choice::Hold, None), args.who, style).await
}

/// Gives a run up, or sends it back.
///
/// # Errors
/// Fails where the run or the key can't be read.
pub(super) async fn abort(args: AbortArgs, style: Style) -> Result<Exit, Failure> {
    let run = open(&args.dir)?;
    let choice = if run.state.has_changed() { Choice::Rollback } else { Choice::Abort };
    say(&run, (choice, None), args.who, style).await
}

async fn say(
    run: &Onlooker,
    (choice, about): (Choice, Option<String>),
    who: WhoArgs,
    style: Style,
) -> Result<Exit, Failure> {
    let signer = who.key.as_deref().map(key).transpose()?;
    let by = match (&signer, who.person) {
        (Some(signer), _) => By::Key(signer),
        (None, person) => By::Name(person.unwrap_or_default()),
    };
    let word = Word { choice, about, role: who.role, reason: who.reason, by };
    let event: Event = run
        .say(&word)
        .map_err(|error| Failure::failed("no JSON can be made of it").because(error))?;
    // Said here, so that whoever types learns it at once; the run looks at it once more.
    if let Err(why) = run.may_follow(&event) {
        return refused(&why.to_string(), style);
    }
    put(run, &Request::Said(Box::new(event)), style).await
}

/// Puts a request into the run's folder, and waits for its answer.
async fn put(run: &Onlooker, request: &Request, style: Style) -> Result<Exit, Failure> {
    let inbox = Inbox::new(run.folder.inbox());
    let cannot = |error| {
        let advice = "make room or give the right to it, and say it again";
        Failure::failed(format!("the run's folder can't be written: {advice}")).because(error)
    };
    let is_carried_out = run.is_carried_out();
    let name = inbox.put(request).map_err(cannot)?;
    let begun = Instant::now();
    while is_carried_out && begun.elapsed() < PATIENCE {
        match inbox.answer(&name).map_err(cannot)? {
            Some(Answer::Taken) => {
                match style {
                    Style::Human => console::conclude("Taken in."),
                    Style::Json => console::document(&json!({"taken": true}))?,
                }
                return Ok(Exit::Done);
            }
            Some(Answer::Refused(why)) => return refused(&why, style),
            None => sleep(LOOK).await,
        }
    }
    let text = "nobody carries the run out at the moment: it is taken in when the run is resumed";
    match style {
        Style::Human => console::conclude(&format!("Put down; {text}.")),
        Style::Json => console::document(&json!({"taken": false, "why": text}))?,
    }
    Ok(Exit::Unreachable)
}

fn refused(why: &str, style: Style) -> Result<Exit, Failure> {
    match style {
        Style::Human => console::conclude(&format!("It does not count: {why}.")),
        Style::Json => console::document(&json!({"taken": false, "why": why}))?,
    }
    Ok(Exit::Failed)
}

/// Reads a private key.
///
/// # Errors
/// Fails where it can't be read, or is none.
pub(crate) fn key(file: &Path) -> Result<Signer, Failure> {
    let shown = ::evidence::Visible(file.display());
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{shown} can't be read")).because(error))?;
    text.trim().parse().map_err(|error: ::evidence::KeyError| {
        let advice = "make one with `tidegate keys new --sign`";
        Failure::usage(format!("{shown} is no private key: {advice}")).because(error)
    })
}

/// Makes a key for one run, of which nothing is kept but what it signed.
///
/// # Errors
/// Fails where no random numbers can be had.
pub(crate) fn key_of_a_run(name: &str) -> Result<Signer, Failure> {
    let name: KeyName =
        name.parse().map_err(|error| Failure::usage("it names no key").because(error))?;
    Signer::generate(name).map_err(|error| Failure::failed("no key can be made").because(error))
}
