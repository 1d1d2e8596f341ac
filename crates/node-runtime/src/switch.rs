//! The live switch as a process offers it: who owns the streams, what may be asked for now, and what
//! is refused here before the broker is asked.

use broker::live::{Ask, SwitchError, SwitchStatus, Target};

use crate::{Phase, State};

/// Why a switch was refused, or did not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SwitchRefusal {
    /// It is not ready yet.
    #[error("the server is starting")]
    Starting,
    /// No Redis is configured.
    #[error("REDIS_URL is not set, so that there is no Redis to go over to: set it and restart")]
    NoRedis,
    /// Memory may serve nothing.
    #[error(
        "REALTIME_ENFORCE_REDIS is set, so that memory would serve nothing: unset it and restart"
    )]
    Strict,
    /// The broker refused, or could not go on.
    #[error(transparent)]
    Switch(#[from] SwitchError),
}

impl State {
    /// Returns how far the live switch is; `None` before the process is started.
    pub fn switch_status(&self) -> Option<SwitchStatus> {
        self.live.broker().map(|live| live.status())
    }

    /// Returns whether a switch is being carried out.
    pub fn is_switching(&self) -> bool {
        self.live.broker().is_some_and(|live| live.is_driven())
    }

    /// Returns who owns the streams by the settings, and so after a restart.
    pub fn owner_by_settings(&self) -> Target {
        self.live.by_settings()
    }

    /// Asks for a switch in somebody's name, and returns once it is so.
    ///
    /// # Errors
    /// See [`SwitchRefusal`]; what was done until then stands, and asked again it goes on.
    ///
    /// # Cancel safety
    /// The switch goes on where the future is dropped.
    pub async fn ask_switch(&self, ask: Ask, by: &str) -> Result<SwitchStatus, SwitchRefusal> {
        let live = match (self.phase(), self.live.broker()) {
            (Phase::Ready, Some(live)) => live,
            (Phase::Draining | Phase::Stopped, _) => return Err(SwitchError::Draining.into()),
            _ => return Err(SwitchRefusal::Starting),
        };
        let realtime = &self.settings.realtime;
        match ask {
            Ask::Cutover(Target::Redis) if realtime.redis_url.is_none() => {
                return Err(SwitchRefusal::NoRedis);
            }
            Ask::Cutover(Target::Memory) | Ask::Undo if self.would_be_refused(ask) => {
                return Err(SwitchRefusal::Strict);
            }
            _ => {}
        }
        Ok(live.ask_by(ask, by).await?)
    }

    /// Returns whether memory would own the streams, and may not.
    fn would_be_refused(&self, ask: Ask) -> bool {
        let Some(status) = self.switch_status() else { return false };
        let to = match ask {
            Ask::Cutover(to) => to,
            _ => status.to.other(),
        };
        // A process whose settings name memory serves nothing either way: undoing does no harm.
        let is_change = self.live.by_settings() == Target::Redis && status.owner == Target::Redis;
        self.settings.realtime.enforce_redis && to == Target::Memory && is_change
    }

    /// Says where the streams are, where that is not what the settings name.
    pub(crate) fn what_differs(&self) -> Option<String> {
        let (owner, named) = (self.live.owner(), self.live.by_settings());
        (owner != named).then(|| {
            let (owner, named) = (owner.as_str(), named.as_str());
            format!(
                "the streams were switched to {owner} live, and REALTIME_BACKEND is {named}: after \
                 a restart they are {named}'s again"
            )
        })
    }
}
