//! What was computed of transactions, and pages of it, the last first.

use std::sync::Arc;

use alloy_primitives::{B256, U256};
use chain::{ChainKey, Fact, Finding, FindingKind};
use imbl::{HashMap, OrdMap};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    Event, Snapshot,
    page::LOOKED_AT_MAX,
    view::{Held, HeldEvents},
    wire,
};

/// What was computed of a chain: the last of each thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    features: HashMap<B256, Arc<Held>>,
    opportunities: HashMap<B256, Arc<Held>>,
    simulations: HashMap<B256, Arc<Held>>,
    /// How many transactions of each category have features that are held.
    categories: OrdMap<String, u64>,
}

/// How many transactions of a chain are of a category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CategoryCount {
    /// Of which chain.
    pub chain_key: ChainKey,
    /// Which category.
    pub category: String,
    /// How many.
    pub count: u64,
}

/// What findings are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// What transactions ask for.
    Features,
    /// Opportunities.
    Opportunities,
    /// What transactions would do.
    Simulations,
}

/// Which findings are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingQuery {
    /// About what.
    pub group: Group,
    /// Of this chain alone, by its key.
    pub chain: Option<String>,
    /// Those with this label: a category or a status.
    pub label: Option<String>,
    /// Those that are worth so much in wei, or more; one whose worth is not known is not among them.
    pub value_min: Option<U256>,
    /// Those that were told before the event with this number.
    pub before: Option<u64>,
    /// Most of them.
    pub limit: usize,
}

/// A page of findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingPage {
    /// The findings, the last first.
    pub findings: Vec<FindingRow>,
    /// What the next page is asked with; it lies before the one that was given.
    pub next: u64,
    /// Whether there is more.
    pub has_more: bool,
}

/// The last finding about something.
#[derive(Clone, Debug)]
pub struct FindingRow(Arc<Held>);

impl FindingRow {
    /// Returns the event that told of it.
    pub fn event(&self) -> &Event {
        &self.0.event
    }
}

impl PartialEq for FindingRow {
    fn eq(&self, other: &Self) -> bool {
        self.event() == other.event()
    }
}

impl Eq for FindingRow {}

impl Serialize for FindingRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.event();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("seq_id", &event.seq)?;
        map.serialize_entry("chain_key", &event.chain)?;
        map.serialize_entry("computed_unix_ms", &event.observed_unix_ms)?;
        wire::fact(&mut map, &event.fact)?;
        map.end()
    }
}

impl Findings {
    /// Takes a finding in the place of the one before it about the same.
    pub(crate) fn take(&mut self, finding: &Finding, held: &Arc<Held>) {
        let before = self.of_group(finding.kind).insert(finding.of, Arc::clone(held));
        if finding.kind == FindingKind::Feature {
            before.iter().for_each(|before| self.uncount(&before.event));
            *self.categories.entry(finding.label.clone()).or_default() += 1;
        }
    }

    /// Forgets what an event told, unless something later is known about the same.
    pub(crate) fn forget(&mut self, event: &Event) {
        let Fact::Found(finding) = &event.fact else { return };
        let of_group = self.of_group(finding.kind);
        if of_group.get(&finding.of).is_some_and(|held| held.event.seq == event.seq) {
            of_group.remove(&finding.of);
            if finding.kind == FindingKind::Feature {
                self.uncount(event);
            }
        }
    }

    fn uncount(&mut self, event: &Event) {
        let Fact::Found(finding) = &event.fact else { return };
        let Some(count) = self.categories.get_mut(&finding.label) else { return };
        *count -= 1;
        if *count == 0 {
            self.categories.remove(&finding.label);
        }
    }

    fn of_group(&mut self, kind: FindingKind) -> &mut HashMap<B256, Arc<Held>> {
        match group(kind) {
            Group::Features => &mut self.features,
            Group::Opportunities => &mut self.opportunities,
            Group::Simulations => &mut self.simulations,
        }
    }

    fn get(&self, group: Group, of: &B256) -> Option<&Arc<Held>> {
        match group {
            Group::Features => self.features.get(of),
            Group::Opportunities => self.opportunities.get(of),
            Group::Simulations => self.simulations.get(of),
        }
    }
}

const fn group(kind: FindingKind) -> Group {
    match kind {
        FindingKind::Feature => Group::Features,
        FindingKind::Simulation => Group::Simulations,
        _ => Group::Opportunities,
    }
}

impl Snapshot {
    /// Returns what was found about a transaction or an opportunity, of whichever chain has it or of
    /// the one that is named.
    pub fn finding(&self, group: Group, of: &B256, chain: Option<&str>) -> Option<FindingRow> {
        let mut chains = self.chains.iter();
        chains
            .by_ref()
            .filter(|view| chain.is_none_or(|key| view.key.as_str() == key))
            .find_map(|view| view.findings.get(group, of))
            .map(|held| FindingRow(Arc::clone(held)))
    }

    /// Returns findings, the last first; of each thing the last one alone.
    pub fn findings(&self, query: &FindingQuery) -> FindingPage {
        let all = self.of(query.group);
        let before = query.before.unwrap_or(u64::MAX);
        let mut at = match all.binary_search_by(|held| held.event.seq.cmp(&before)) {
            Ok(at) | Err(at) => at,
        };
        let stop = at.saturating_sub(LOOKED_AT_MAX);
        let mut next = before.min(self.latest_seq + 1);
        let mut findings = Vec::new();
        while at > stop && findings.len() < query.limit {
            at -= 1;
            let Some(held) = all.get(at) else { break };
            next = held.event.seq;
            if self.is_wanted(query, held) {
                findings.push(FindingRow(Arc::clone(held)));
            }
        }
        FindingPage { findings, next, has_more: at > 0 }
    }

    /// Returns how many transactions of each category there are, by chain and category.
    pub fn categories(&self) -> Vec<CategoryCount> {
        let of_chain = |view: &crate::ChainView| {
            let counts = view.findings.categories.iter().map(|(category, count)| CategoryCount {
                chain_key: view.key.clone(),
                category: category.clone(),
                count: *count,
            });
            counts.collect::<Vec<_>>()
        };
        self.chains.iter().flat_map(of_chain).collect()
    }

    fn of(&self, group: Group) -> &HeldEvents {
        match group {
            Group::Features => &self.features,
            Group::Opportunities => &self.opportunities,
            Group::Simulations => &self.simulations,
        }
    }

    fn is_wanted(&self, query: &FindingQuery, held: &Arc<Held>) -> bool {
        let Fact::Found(finding) = &held.event.fact else { return false };
        let is_of_chain = |key: &String| held.event.chain.as_str() == key;
        let is_last = || {
            let view = self.chains.get(held.chain_index)?;
            let last = view.findings.get(query.group, &finding.of)?;
            Some(last.event.seq == held.event.seq)
        };
        query.chain.as_ref().is_none_or(is_of_chain)
            && query.label.as_ref().is_none_or(|label| finding.label == *label)
            && query.value_min.is_none_or(|least| finding.value.is_some_and(|value| value >= least))
            && is_last() == Some(true)
    }
}
