//! Which server a link connects to, and whether it still is the right one.

use std::sync::Arc;

use redis::Client;

use super::super::{
    address::{Address, Host},
    failure::Failure,
    sentinel::Sentinels,
};

/// How a server is found.
pub(in super::super) enum Finder {
    /// It always is the same.
    Fixed(Client),
    /// Sentinels name it, anew at each attempt to connect.
    Sentinels(Sentinels, Arc<Address>),
}

/// A server that was found.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) client: Client,
    /// What the sentinels called it.
    named: Option<Host>,
}

impl Finder {
    pub(super) async fn find(&self) -> Result<Found, Failure> {
        match self {
            Finder::Fixed(client) => Ok(Found { client: client.clone(), named: None }),
            Finder::Sentinels(sentinels, address) => {
                let primary = sentinels.primary().await?;
                Ok(Found { client: address.server_at(&primary)?, named: Some(primary) })
            }
        }
    }

    /// Judges what a server says of its role, right after it was found.
    pub(super) fn judge_role(&self, role: Option<&str>) -> Result<(), Failure> {
        match self {
            Finder::Sentinels(..) if role != Some("master") => {
                Err(Failure::refused("the server that the sentinels name is no primary (yet)"))
            }
            _ => Ok(()),
        }
    }

    /// Returns why a connection is of no more use although it answers, if that is so.
    pub(super) async fn is_outdated(&self, found: &Found, role: Option<&str>) -> Option<String> {
        let Finder::Sentinels(sentinels, _) = self else { return None };
        if let Err(failure) = self.judge_role(role) {
            return Some(failure.reason);
        }
        // Cut off from its sentinels it may not know that another one was elected. Where they can't
        // be asked nothing is known either way.
        let named = sentinels.primary().await.ok()?;
        let other = found.named.as_ref() != Some(&named);
        other.then(|| "the sentinels name another primary".to_owned())
    }
}
