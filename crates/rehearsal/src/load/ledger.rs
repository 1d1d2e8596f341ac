//! What the load adds up to, at any time and in the end. Pure data.

use std::collections::BTreeMap;

use guard::Arm;
use serde::Serialize;

/// A count for each arm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ArmCounts {
    /// Of the version that is there.
    pub stable: u64,
    /// Of the new version.
    pub canary: u64,
    /// Of nobody knows which: the router did not say, or nobody answered.
    pub unknown: u64,
}

impl ArmCounts {
    /// Counts one.
    pub(super) fn add(&mut self, arm: Option<Arm>) {
        self.add_many(arm, 1);
    }

    pub(super) fn add_many(&mut self, arm: Option<Arm>, count: u64) {
        let of_arm = match arm {
            Some(Arm::Stable) => &mut self.stable,
            Some(Arm::Canary) => &mut self.canary,
            None => &mut self.unknown,
        };
        *of_arm += count;
    }

    /// Returns the sum.
    pub const fn total(self) -> u64 {
        self.stable + self.canary + self.unknown
    }
}

/// What went wrong over streams and requests of the canary alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OnCanary {
    /// Numbers that were left out of a stream.
    pub lost: u64,
    /// Events that came a second time over one.
    pub repeated: u64,
    /// Events that came behind a later one.
    pub reordered: u64,
    /// Events with two effects of which the canary had an attempt.
    pub double_effects: u64,
}

/// What clients saw until now. Counts only grow, but for `open` and `under_way`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// Events that readers received, each for each reader.
    pub checked: u64,
    /// Numbers that were left out without a gap, each for each reader.
    pub lost: u64,
    /// Events that came a second time without a gap.
    pub repeated: u64,
    /// Events that came behind a later one.
    pub reordered: u64,
    /// Events that are not as they were sent, or that nobody sent.
    pub altered: u64,
    /// Events that had two effects under one key.
    pub double_effects: u64,
    /// Of all these, what the canary alone can have done.
    pub on_canary: OnCanary,
    /// Messages that no server of ours says.
    pub nonsense: u64,
    /// Gaps that were told, by reason.
    pub gaps: BTreeMap<String, u64>,
    /// The load's events that lay in gaps.
    pub told_missing: u64,
    /// Events that came again behind a gap.
    pub told_again: u64,
    /// Events of others on the same streams.
    pub foreign: u64,
    /// Events and messages that were acknowledged.
    pub acknowledged: u64,
    /// Those that are sent and not acknowledged yet.
    pub under_way: u64,
    /// Readers that have a stream now.
    pub open: ArmCounts,
    /// For how long streams were open in all, in milliseconds.
    pub open_ms: ArmCounts,
    /// Streams that were opened.
    pub connects: ArmCounts,
    /// Streams that the server ended with a goodbye.
    pub goodbyes: ArmCounts,
    /// Streams that broke, were closed without a goodbye, or were silent for too long.
    pub breaks: ArmCounts,
    /// Streams that readers left by themselves, to come back.
    pub departures: ArmCounts,
    /// Streams that were refused or could not be reached.
    pub refused: u64,
    /// Requests that were answered, those with an error too.
    pub requests: ArmCounts,
    /// Requests that failed: 5xx, or no answer.
    pub failures: ArmCounts,
    /// Requests that were answered with another status than they should.
    pub unexpected: u64,
    /// The last of these in words.
    pub last_unexpected: Option<String>,
    /// Pairs of measurements that found no room, since nobody took them.
    pub pairs_dropped: u64,
}

impl Ledger {
    /// Returns whether anything was lost, repeated, out of order, altered, or had two effects.
    pub const fn is_clean(&self) -> bool {
        self.lost == 0
            && self.repeated == 0
            && self.reordered == 0
            && self.altered == 0
            && self.double_effects == 0
            && self.nonsense == 0
    }
}

/// What a reader lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shortfall {
    /// Who: `reader-3 (sse)`.
    pub reader: String,
    /// Acknowledged events that never came to it.
    pub lacks: u64,
    /// Of these, those that may lie in a gap that it was told of.
    pub told: u64,
    /// Of these, those that a stream of the canary may have left out.
    pub on_canary: u64,
    /// The first few, as `publisher-1/17`.
    pub first: Vec<String>,
}

/// What is in chat's threads, as it is read back in the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChatLedger {
    /// Threads that were read back.
    pub threads: u64,
    /// Messages in them.
    pub messages: u64,
    /// Acknowledged messages that are not there, and numbers without a message.
    pub lost: u64,
    /// Messages that are there twice.
    pub repeated: u64,
    /// Messages that are not as they were sent, or that nobody sent.
    pub altered: u64,
    /// Why a thread could not be read back.
    pub troubles: Vec<String>,
}

/// The account in the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether every reader has every acknowledged event once and in order, or was told of the gap.
    pub passed: bool,
    /// What is wrong, in sentences.
    pub reasons: Vec<String>,
    /// Everything that was counted.
    pub ledger: Ledger,
    /// Readers that lack something.
    pub shortfalls: Vec<Shortfall>,
    /// What was read back of chat, where there is chat.
    pub chat: Option<ChatLedger>,
    /// How long was waited for the last event, in milliseconds.
    pub waited_ms: u64,
}

impl Verdict {
    /// Judges what was counted.
    pub(crate) fn of(
        ledger: Ledger,
        shortfalls: Vec<Shortfall>,
        chat: Option<ChatLedger>,
        waited_ms: u64,
    ) -> Self {
        let mut reasons = Vec::new();
        let mut tell = |count: u64, what: &str| {
            if count > 0 {
                reasons.push(format!("{count} {what}"));
            }
        };
        tell(ledger.lost, "events were lost without a gap");
        tell(ledger.repeated, "events came a second time");
        tell(ledger.reordered, "events came out of order");
        tell(ledger.altered, "events were not as they were sent");
        tell(ledger.double_effects, "events had two effects under one key");
        tell(ledger.nonsense, "messages made no sense");
        tell(ledger.under_way, "events were sent and never acknowledged");
        let untold = shortfalls.iter().filter(|it| it.lacks > it.told).count() as u64;
        tell(untold, "readers lack events that were acknowledged");
        if let Some(chat) = &chat {
            tell(chat.lost, "messages of chat are not there");
            tell(chat.repeated, "messages of chat are there twice");
            tell(chat.altered, "messages of chat are not as they were sent");
            tell(chat.troubles.len() as u64, "threads of chat could not be read back");
        }
        Verdict { passed: reasons.is_empty(), reasons, ledger, shortfalls, chat, waited_ms }
    }
}

/// Two measurements of the same request, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// How long the canary took, in milliseconds.
    pub canary_ms: f64,
    /// How long the stable arm took, in milliseconds.
    pub stable_ms: f64,
}
