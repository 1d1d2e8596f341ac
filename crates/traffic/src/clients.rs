//! What each client did on each arm, from totals that only grow to what a guard takes in.

use std::collections::HashMap;

use guard::{Arm, ClientCounts, ClientLook};

use crate::Client;

/// What every client did since the router's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clients {
    /// The router's process; with another one, counts begin anew.
    pub process: u64,
    /// Those of the new version.
    pub canary: Vec<ClientTotal>,
    /// Those of the version that is there.
    pub stable: Vec<ClientTotal>,
}

/// What one client did on one arm since the router's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientTotal {
    /// Who.
    pub client: Client,
    /// Its requests, those under way too.
    pub requests: u64,
    /// Those that failed.
    pub errors: u64,
}

/// What clients did between two looks, as a guard takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientsLook {
    /// Those of the new version that did something.
    pub canary: Vec<ClientCounts>,
    /// Those of the version that is there that did something.
    pub stable: Vec<ClientCounts>,
}

/// Makes looks of totals.
///
/// A router counts a request when it comes and its failure when it is answered, perhaps after the next
/// look. A failure whose request was counted in a look before brings a request of its own, and the
/// client's next one is left out for it: no look has more failures than requests, and the sum of all
/// looks is never more than one request a failure off.
#[derive(Clone, Debug, Default)]
pub struct ClientTally {
    process: Option<u64>,
    counted: HashMap<(Arm, Client), Counted>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    /// The requests that looks were given.
    requests: u64,
    errors: u64,
}

impl Counted {
    /// Returns what is new with these totals. Totals that fell began anew.
    fn advance(&mut self, total: &ClientTotal) -> ClientCounts {
        if total.errors < self.errors || total.requests.saturating_add(self.errors) < self.requests
        {
            *self = Counted::default();
        }
        let errors = total.errors - self.errors;
        let requests = total.requests.saturating_sub(self.requests).max(errors);
        self.requests += requests;
        self.errors = total.errors;
        let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        ClientCounts {
            client: total.client.number(),
            requests: count(requests),
            errors: count(errors),
        }
    }
}

impl ClientTally {
    /// Takes totals in; returns what is new since those before. The first ones are where it begins.
    pub fn take(&mut self, clients: &Clients) -> ClientsLook {
        let is_first = self.process.is_none();
        if self.process.replace(clients.process) != Some(clients.process) {
            self.counted.clear();
        }
        let mut counted = HashMap::with_capacity(clients.canary.len() + clients.stable.len());
        let mut advance = |arm, totals: &[ClientTotal]| {
            let mut new = Vec::new();
            for total in totals {
                let mut known = self.counted.get(&(arm, total.client)).copied().unwrap_or_default();
                let counts = known.advance(total);
                counted.insert((arm, total.client), known);
                if counts.requests > 0 && !is_first {
                    new.push(counts);
                }
            }
            new
        };
        let canary = advance(Arm::Canary, &clients.canary);
        let stable = advance(Arm::Stable, &clients.stable);
        // Clients that the router forgot are forgotten here too.
        self.counted = counted;
        ClientsLook { canary, stable }
    }
}

impl ClientsLook {
    /// Returns it as a guard takes it.
    pub fn as_look(&self) -> ClientLook<'_> {
        ClientLook { canary: &self.canary, stable: &self.stable }
    }
}

#[cfg(test)]
mod tests;
