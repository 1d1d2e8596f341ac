//! The way back: takes a canary out of traffic and proves that nothing is left on it.
//!
//! Weight 0 is not enough, since streams stay where they are. New traffic is stopped, which is
//! verified by what the router reports and by probes through it; the canary's replicas say goodbye to
//! their clients; what has not left by a deadline is closed; and several looks in a row show that
//! nothing is left and nothing new comes. Two clocks run from the decision: until no new request
//! reaches the canary, and until no connection is left on it.
//! What is due next is decided by the module `machine`, which knows no router and no clock.

mod machine;
mod progress;
mod settings;

use guard::Arm;
use tokio::time::{Instant, sleep, timeout};

use self::machine::{Command, Input, Machine, Sight, Trouble};
pub use self::{
    progress::{Failure, Progress, ProgressKind, WithdrawError, Withdrawn},
    settings::{Step, WithdrawSettings},
};
use crate::{Pending, Router, RouterError, Weight, chain};

/// Looks through the router, as clients who were the canary's, which arm answers.
pub trait Probe: Send + Sync {
    /// Sends some requests; returns the arm that answered each. Fails, in one sentence for a person,
    /// where one got no answer or one that does not say its arm.
    fn probe(&self) -> Pending<'_, Result<Vec<Arm>, String>>;
}

/// Tells the canary's replicas to send their clients away, each at a moment of its own.
pub trait Goodbye: Send + Sync {
    /// Tells them, and does not wait for their clients. Fails in one sentence for a person.
    fn goodbye(&self) -> Pending<'_, Result<(), String>>;
}

/// Who else takes part.
#[derive(Clone, Copy)]
pub struct Helpers<'a> {
    /// Looks which arm answers.
    pub probe: &'a dyn Probe,
    /// Tells the canary's replicas to send their clients away.
    pub goodbye: &'a dyn Goodbye,
}

/// Takes the canary out of traffic. Both clocks run from `decided`; what happens is told as it
/// happens.
///
/// # Errors
/// Fails where something is not proven in its time. What can be done is done all the same: streams are
/// closed also where new traffic could not be stopped. The error has each step that failed, what was
/// found, what a person can do, and what was reached.
///
/// # Cancel safety
/// May be dropped at any await and called again; the clocks then run from the `decided` of that call.
pub async fn withdraw(
    router: &dyn Router,
    helpers: Helpers<'_>,
    settings: &WithdrawSettings,
    decided: Instant,
    told: &mut (dyn FnMut(&Progress) + Send),
) -> Result<Withdrawn, WithdrawError> {
    let mut machine = Machine::new(settings.clone());
    let mut command = machine.start(decided.elapsed());
    loop {
        machine.take_progress().iter().for_each(&mut *told);
        let input = match command {
            Command::End => return machine.into_result(),
            command => carry_out(router, helpers, settings, command).await,
        };
        command = machine.step(decided.elapsed(), input);
    }
}

async fn carry_out(
    router: &dyn Router,
    helpers: Helpers<'_>,
    settings: &WithdrawSettings,
    command: Command,
) -> Input {
    match command {
        Command::Stop => Input::Stopped(stop(router, settings).await),
        Command::Look => Input::Looked(look(router).await),
        Command::Probe => Input::Probed(within(settings, helpers.probe.probe()).await),
        Command::Goodbye => Input::SaidGoodbye(within(settings, helpers.goodbye.goodbye()).await),
        Command::Evict => Input::Evicted(evict(router, settings).await),
        Command::Wait(time) => {
            sleep(time).await;
            Input::Waited
        }
        Command::End => Input::Waited,
    }
}

/// Stops new traffic in both ways that there are, the second also where the first fails.
async fn stop(router: &dyn Router, settings: &WithdrawSettings) -> Result<(), Trouble> {
    let assigned = match router.assign(Weight::NONE).await {
        Err(error) if error.is_of_nobody() => take_again(router, settings).await,
        assigned => assigned.map(|_| ()),
    };
    if let Err(error) = &assigned
        && error.is_fenced()
    {
        return assigned.map_err(trouble);
    }
    let drained = router.drain(Arm::Canary).await;
    assigned.and(drained.map(|_| ())).map_err(trouble)
}

async fn evict(router: &dyn Router, settings: &WithdrawSettings) -> Result<u64, Trouble> {
    let mut evicted = router.evict(Arm::Canary, settings.evict_most).await;
    if evicted.as_ref().is_err_and(RouterError::is_of_nobody) {
        evicted = match take_again(router, settings).await {
            Ok(()) => router.evict(Arm::Canary, settings.evict_most).await,
            Err(error) => Err(error),
        };
    }
    evicted.map_err(trouble)
}

/// Makes a canary that is nobody's this run's, with no share, for as long as this may take: the
/// router was started anew, or the lease was over and somebody acted on that.
async fn take_again(router: &dyn Router, settings: &WithdrawSettings) -> Result<(), RouterError> {
    let now = router.observe().await?.now;
    let WithdrawSettings { stop_within, leave_within, evict_within, .. } = settings;
    let time = stop_within.saturating_add(*leave_within).saturating_add(*evict_within);
    router.acquire(now.plus(time.as_secs() + 1)).await.map(|_| ())
}

async fn look(router: &dyn Router) -> Result<Sight, Trouble> {
    let seen = router.observe().await.map_err(trouble)?;
    Ok(Sight {
        process: seen.process,
        weight: seen.weight,
        open: seen.canary.open,
        requests: seen.canary.requests,
    })
}

async fn within<T>(
    settings: &WithdrawSettings,
    call: Pending<'_, Result<T, String>>,
) -> Result<T, Trouble> {
    let said = timeout(settings.call_within, call).await;
    let said = said.unwrap_or_else(|_| Err(format!("no answer in {:?}", settings.call_within)));
    said.map_err(|text| Trouble { text, is_fenced: false })
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn trouble(error: RouterError) -> Trouble {
    Trouble { text: chain(&error), is_fenced: error.is_fenced() }
}
