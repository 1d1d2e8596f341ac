//! What could be gained from a chain's pools: looked for at each head, and behind pending swaps.
//!
//! Nothing here is on the way from a source to a reader: the task reads pools from the node that the
//! feed is with, searches, and has what it finds simulated. It looks at the last head alone, so that it
//! is never behind for long. Read only: nothing is ever sent to a chain.

mod pools;
mod trigger;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::{Address, B256, U256};
use chain::{BlockRef, ChainKey, Fact, Finding, FindingKind, Json};
use feature::{ChainRegistry, Registry};
use projection::{ChainView, FindingQuery, Group, Snapshot};
use search::{
    Confirm, Kind, Opportunity, OpportunityStatus, Search, Simulated, State, confirm,
    executor_call, executor_code,
};
use sim::{AccountOverride, Call, Outcome, Overrides, Status};
use tokio::{sync::mpsc, time::sleep};

use super::{analyse::Found, feed::Feed, metrics::IngestMetrics, simulate::Simulations};
use crate::Shutdown;

/// Cycles that are solved at most for a head or a pending swap.
const CYCLES_MAX: usize = 4_096;

/// Opportunities that are told of at most for a head or a pending swap, those first that are worth most.
const TOLD_MAX: usize = 64;

/// Pending swaps that are looked at for a head.
const TRIGGERS_MAX: usize = 64;

/// Findings that are read at once.
const FINDINGS_AT_ONCE: usize = 1_024;

/// How long it rests where the node did not give the pools of a head.
pub(super) const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Where the contract stands that carries a cycle out: nobody has its key.
const EXECUTOR: Address = Address::repeat_byte(0xec);

/// Who calls it.
const CALLER: Address = Address::repeat_byte(0xca);

/// The gas of a cycle.
const CYCLE_GAS: u64 = 3_000_000;

/// Looks for what could be gained on one chain.
pub(super) struct Seeker {
    pub(super) chain: ChainKey,
    pub(super) feed: Arc<Feed>,
    pub(super) registry: Arc<Registry>,
    pub(super) simulations: Arc<Simulations>,
    pub(super) leave: mpsc::Sender<Found>,
    pub(super) metrics: Arc<IngestMetrics>,
    pub(super) known: Known,
    /// How long it rests where the node did not give the pools of a head.
    pub(super) again_after: Duration,
}

/// What was found at the last head.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The head that was searched last, or has nothing to be searched.
    looked: Option<BlockRef>,
    state: Option<Arc<State>>,
    /// By name; those that are not stale.
    told: BTreeMap<B256, Opportunity>,
    /// The number of the last event of the chain that was looked at for pending swaps.
    after: u64,
    triggers: usize,
}

impl Known {
    /// Takes up what was told of a chain before this process and is not stale: nobody else will say so.
    pub(super) fn taken_up(snapshot: &Snapshot, chain: &ChainKey) -> Known {
        let mut told = BTreeMap::new();
        for label in ["candidate", "confirmed"] {
            let mut query = FindingQuery {
                group: Group::Opportunities,
                chain: Some(chain.as_str().to_owned()),
                label: Some(label.to_owned()),
                value_min: None,
                before: None,
                limit: FINDINGS_AT_ONCE,
            };
            loop {
                let page = snapshot.findings(&query);
                for row in &page.findings {
                    let Fact::Found(finding) = &row.event().fact else { continue };
                    match serde_json::from_str::<Opportunity>(finding.body.as_str()) {
                        Ok(opportunity) => drop(told.insert(opportunity.id, opportunity)),
                        Err(error) => {
                            tracing::error!(%error, id = %finding.of, "an opportunity can't be read");
                        }
                    }
                }
                if !page.has_more {
                    break;
                }
                query.before = Some(page.next);
            }
        }
        Known { told, ..Known::default() }
    }
}

impl Seeker {
    /// Looks at each head, until it is asked to end.
    pub(super) async fn run(mut self, mut shutdown: Shutdown) {
        let mut changed = self.feed.changed();
        loop {
            changed.mark_unchanged();
            let done = tokio::select! {
                biased;
                () = shutdown.asked() => return,
                done = self.look() => done,
            };
            if done.is_none() {
                return;
            }
            tokio::select! {
                biased;
                () = shutdown.asked() => return,
                more = changed.changed() => if more.is_err() { return },
            }
        }
    }

    /// Looks at what is shown now; `None` where nobody takes anything any more.
    pub(super) async fn look(&mut self) -> Option<()> {
        let snapshot = self.feed.snapshot();
        let Some(view) = snapshot.chain(self.chain.as_str()) else { return Some(()) };
        let Some((chain_id, head)) = self.simulations.chain_id(&self.chain).zip(view.head()) else {
            return Some(());
        };
        let registry = Arc::clone(&self.registry);
        let Some(registry) = registry.chain(chain_id) else { return Some(()) };
        let search = Search {
            chain: chain_id,
            wrapped_native: registry.wrapped_native(),
            cycles_max: CYCLES_MAX,
        };
        if self.known.looked != Some(head) {
            self.head(view, registry, &search, head).await?;
        }
        self.pending(&snapshot, registry, &search).await
    }

    /// Searches the pools behind a head.
    async fn head(
        &mut self,
        view: &ChainView,
        registry: &ChainRegistry,
        search: &Search,
        head: BlockRef,
    ) -> Option<()> {
        let cause = view.number_last();
        self.forget(head, cause).await?;
        let specs = pools::specs(registry);
        if specs.len() < 2 {
            self.known.looked = Some(head);
            return Some(());
        }
        let Some(state) = pools::read(&self.simulations, &self.chain, head, specs).await else {
            self.metrics.skipped("no_state", 1);
            // Each event has it look again: the node is not asked at that rate.
            sleep(self.again_after).await;
            return Some(());
        };
        let touched: BTreeSet<_> = state.pools.keys().copied().collect();
        let found = search.arbitrage(&state, &touched).opportunities;
        self.known.looked = Some(head);
        self.known.state = Some(Arc::new(state));
        self.known.triggers = 0;
        self.tell(found, Vec::new(), cause).await?;
        self.metrics.searched(&self.chain);
        Some(())
    }

    /// Searches behind swaps that wait, of which features were told since it was last looked.
    async fn pending(
        &mut self,
        snapshot: &Snapshot,
        registry: &ChainRegistry,
        search: &Search,
    ) -> Option<()> {
        let Some(state) = self.known.state.clone() else { return Some(()) };
        let state = &*state;
        let view = snapshot.chain(self.chain.as_str())?;
        let before = view.number_before();
        self.known.after = self.known.after.max(before);
        loop {
            let events = view.events_after(self.known.after, 256);
            let Some(last) = events.last() else {
                // Numbers that are missing hold nobody up.
                match view.resumes_after(self.known.after) {
                    next if next > self.known.after => self.known.after = next,
                    _ => return Some(()),
                }
                continue;
            };
            self.known.after = last.number;
            for event in events {
                let Fact::Found(finding) = &event.fact else { continue };
                if finding.kind != FindingKind::Feature || finding.label != "swap" {
                    continue;
                }
                let row = view.transaction(&finding.of).filter(|row| row.status.waits());
                let Some(row) = row else { continue };
                let Some(trigger) = trigger::of(&row.transaction, registry, state) else {
                    continue;
                };
                if self.known.triggers == TRIGGERS_MAX {
                    self.metrics.skipped("triggers", 1);
                    continue;
                }
                self.known.triggers += 1;
                let Ok(found) = search.backrun(state, &trigger) else { continue };
                let calls = vec![Call::from(&*row.transaction)];
                self.tell(found.opportunities, calls, event.number).await?;
            }
        }
    }

    /// Tells of opportunities, and of each again once it was simulated behind these calls.
    async fn tell(
        &mut self,
        mut found: Vec<Opportunity>,
        before: Vec<Call>,
        cause: u64,
    ) -> Option<()> {
        found.sort_by(|a, b| b.value_wei.cmp(&a.value_wei).then_with(|| a.id.cmp(&b.id)));
        found.retain(|opportunity| !self.known.told.contains_key(&opportunity.id));
        found.truncate(TOLD_MAX);
        self.leave(found.iter(), cause).await?;
        for mut opportunity in found {
            let simulated = self.simulate(&opportunity, &before).await;
            let at = opportunity.block;
            confirm(&mut opportunity, at, &Said(simulated));
            if opportunity.status != OpportunityStatus::Candidate {
                self.leave([&opportunity], cause).await?;
            }
            if opportunity.status != OpportunityStatus::Refuted {
                self.known.told.insert(opportunity.id, opportunity);
            }
        }
        Some(())
    }

    /// Says of what was told at another head that it is stale.
    async fn forget(&mut self, head: BlockRef, cause: u64) -> Option<()> {
        let is_old = |opportunity: &Opportunity| opportunity.block != head;
        let told = std::mem::take(&mut self.known.told);
        let (old, same): (Vec<_>, Vec<_>) = told.into_values().partition(is_old);
        self.known.told = same.into_iter().map(|each| (each.id, each)).collect();
        (self.known.looked, self.known.state) = (None, None);
        let stale = |each| Opportunity { status: OpportunityStatus::Stale, ..each };
        let stale: Vec<_> = old.into_iter().map(stale).collect();
        self.leave(stale.iter(), cause).await
    }

    async fn leave<'a>(
        &self,
        opportunities: impl IntoIterator<Item = &'a Opportunity>,
        cause: u64,
    ) -> Option<()> {
        let findings: Vec<_> =
            opportunities.into_iter().filter_map(|each| finding(each, cause)).collect();
        if findings.is_empty() {
            return Some(());
        }
        self.leave.send(Found { chain: self.chain.clone(), findings }).await.ok()
    }

    /// Has the contract carry the cycle out behind these calls.
    async fn simulate(&self, opportunity: &Opportunity, before: &[Call]) -> Simulated {
        let state = self.known.state.as_ref().filter(|state| state.block == opportunity.block);
        let call =
            state.and_then(|state| executor_call(state, &opportunity.path, opportunity.amount_in));
        let Some(input) = call else { return Simulated::Incomplete };
        let mut calls = before.to_vec();
        calls.push(Call::free(CALLER, EXECUTOR, input, CYCLE_GAS));
        let code = AccountOverride { code: Some(executor_code()), ..AccountOverride::default() };
        let overrides = Overrides { accounts: [(EXECUTOR, code)].into() };
        let simulated = self.simulations.calls(&self.chain, calls, overrides).await;
        match simulated {
            Ok(simulation) if simulation.at == opportunity.block => {
                gave(&simulation.outcomes, opportunity)
            }
            Ok(_) | Err(_) => Simulated::Incomplete,
        }
    }
}

/// What a simulation said before it was asked for.
struct Said(Simulated);

impl Confirm for Said {
    fn simulate(&self, _: &Opportunity) -> Simulated {
        self.0
    }
}

/// Returns what the last call gave, which states what is left over.
fn gave(outcomes: &[Outcome], opportunity: &Opportunity) -> Simulated {
    if outcomes.iter().any(|outcome| !outcome.is_complete()) {
        return Simulated::Incomplete;
    }
    let is_good = |outcome: &Outcome| outcome.status == Status::Success;
    match outcomes {
        // Behind a swap that fails nothing is shown of what comes behind it.
        [before @ .., _] if !before.iter().all(is_good) => Simulated::Incomplete,
        [.., last] if is_good(last) => match U256::try_from_be_slice(&last.output) {
            Some(gained) => match opportunity.amount_in.checked_add(gained) {
                Some(amount) => Simulated::Gave(amount),
                None => Simulated::Reverted,
            },
            None => Simulated::Reverted,
        },
        _ => Simulated::Reverted,
    }
}

fn finding(opportunity: &Opportunity, cause: u64) -> Option<Finding> {
    let (kind, label) = match opportunity.status {
        OpportunityStatus::Candidate => (FindingKind::Candidate, "candidate"),
        OpportunityStatus::Confirmed => (FindingKind::Confirmed, "confirmed"),
        OpportunityStatus::Refuted => (FindingKind::Refuted, "refuted"),
        OpportunityStatus::Stale => (FindingKind::Stale, "stale"),
    };
    debug_assert!(matches!(opportunity.kind, Kind::Arbitrage | Kind::Backrun));
    let body = Json::of(opportunity).inspect_err(|error| {
        tracing::error!(%error, id = %opportunity.id, "an opportunity can't be written");
    });
    Some(Finding {
        kind,
        of: opportunity.id,
        cause,
        label: label.to_owned(),
        value: opportunity.value_wei,
        body: body.ok()?,
    })
}

#[cfg(test)]
mod tests;
