//! What is done to an arm as a whole: kept from new requests, let have them again; and to one client.

use guard::Arm;

use super::{HaproxyRouter, map};
use crate::{Client, Observation, RouterError};

/// A bit of `srv_admin_state`: taken out by an operator.
const FORCED_MAINT: u32 = 0x01;
/// A bit of `srv_admin_state`: told by an operator to have no new requests.
const FORCED_DRAIN: u32 = 0x08;

/// What an operator wants of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AdminState {
    Drain,
    Ready,
}

impl AdminState {
    const fn word(self) -> &'static str {
        match self {
            AdminState::Drain => "drain",
            AdminState::Ready => "ready",
        }
    }

    /// Returns whether the router's bits say the same.
    const fn is(self, bits: u32) -> bool {
        match self {
            AdminState::Drain => bits & FORCED_DRAIN != 0,
            AdminState::Ready => bits & (FORCED_DRAIN | FORCED_MAINT) == 0,
        }
    }
}

impl HaproxyRouter {
    /// Sets every server of an arm, and reads each back.
    pub(super) async fn set_state(
        &self,
        arm: Arm,
        state: AdminState,
    ) -> Result<Observation, RouterError> {
        let seen = self.read_mine().await?;
        let backend = self.backend(arm);
        let servers = &seen.arm(arm).servers;
        if servers.is_empty() {
            let (router, arm) = (self.title(), backend.to_owned());
            return Err(RouterError::NoServer { router, arm });
        }
        for server in servers {
            let (name, word) = (&server.name, state.word());
            self.order(&format!("set server {backend}/{name} state {word}")).await?;
        }
        let command = format!("show servers state {backend}");
        let [answer] = self.query([&command]).await?;
        let states = parse_states(&answer).map_err(|what| self.unreadable(&command, what))?;
        for server in servers {
            let found = states.iter().find(|(name, _)| *name == server.name);
            let Some((_, bits)) = found else {
                return Err(self.unreadable(&command, format!("no row of `{}`", server.name)));
            };
            if !state.is(*bits) {
                let found = format!("`{}` with the state {bits:#04x}", server.name);
                return Err(self.differs("state of a server", &state.word(), &found));
            }
        }
        self.read_observation().await
    }

    /// Sets or removes the entry that puts a client on an arm, and reads it back.
    pub(super) async fn put(&self, client: Client, arm: Option<Arm>) -> Result<(), RouterError> {
        self.read_mine().await?;
        let (pins, key) = (&self.settings.pins, client.to_string());
        let wanted = arm.map(|arm| match arm {
            Arm::Canary => "canary",
            Arm::Stable => "stable",
        });
        let show = format!("show map {pins}");
        let found = |answer: &str| {
            let mut entries = map::entries(answer).filter(|(known, _)| *known == key);
            entries.next().map(|(_, value)| value.to_owned())
        };
        let [before] = self.query([&show]).await?;
        match (found(&before), wanted) {
            (None, None) => return Ok(()),
            (Some(_), None) => self.order(&format!("del map {pins} {key}")).await?,
            (None, Some(name)) => self.order(&format!("add map {pins} {key} {name}")).await?,
            (Some(_), Some(name)) => self.order(&format!("set map {pins} {key} {name}")).await?,
        }
        let [after] = self.query([&show]).await?;
        let found = found(&after);
        if found.as_deref() == wanted {
            return Ok(());
        }
        let shown = |arm: Option<&str>| arm.unwrap_or("none").to_owned();
        Err(self.differs("arm of a client", &shown(wanted), &shown(found.as_deref())))
    }
}

/// Reads the names and states of the answer to `show servers state`.
fn parse_states(answer: &str) -> Result<Vec<(String, u32)>, String> {
    let mut lines = answer.lines();
    if lines.next() != Some("1") {
        return Err("it is not of version 1".to_owned());
    }
    let names = lines.next().and_then(|line| line.strip_prefix("# ")).unwrap_or_default();
    let column = |name: &str| {
        let place = names.split(' ').position(|known| known == name);
        place.ok_or_else(|| format!("there is no column `{name}`"))
    };
    let (name, state) = (column("srv_name")?, column("srv_admin_state")?);
    lines
        .map(|line| {
            let fields: Vec<_> = line.split(' ').collect();
            let bits = fields.get(state).and_then(|bits| bits.parse().ok());
            let row = fields.get(name).zip(bits).map(|(name, bits)| ((*name).to_owned(), bits));
            row.ok_or_else(|| format!("`{line}` is no row"))
        })
        .collect()
}
