//! What a run comes to, for a person and as JSON.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::{judge::Verdict, plan::Plan, settings::Mode};

/// What a run comes to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) mode: Mode,
    pub(crate) replicas: usize,
    /// How long it ran, with healing.
    pub(crate) seconds: f64,
    /// How long healing took.
    pub(crate) heal_seconds: f64,
    /// Whether it was ended early.
    pub(crate) interrupted: bool,
    /// Actions that were carried out, by kind.
    pub(crate) acts: BTreeMap<String, u64>,
    /// How often readers' streams ended, by reason.
    pub(crate) ends: BTreeMap<String, u64>,
    /// The slowest answer about health.
    pub(crate) slowest_health_ms: u64,
    pub(crate) passed: bool,
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
}

impl Report {
    /// Returns the report of a run of this plan, as far as the plan says.
    pub(crate) fn of(plan: &Plan, verdict: Verdict) -> Self {
        Report {
            seed: plan.seed,
            mode: plan.mode,
            replicas: plan.settings.replicas,
            seconds: 0.0,
            heal_seconds: 0.0,
            interrupted: false,
            acts: BTreeMap::new(),
            ends: BTreeMap::new(),
            slowest_health_ms: 0,
            passed: verdict.holds(),
            verdict,
        }
    }

    /// Returns it as JSON.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers and texts are JSON")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { seed, mode, replicas, seconds, heal_seconds, verdict, .. } = self;
        let acts: u64 = self.acts.values().sum();
        let early = if self.interrupted { ", ended early" } else { "" };
        writeln!(f, "seed         {seed}, {}, {replicas} replicas{early}", mode.shown())?;
        writeln!(f, "time         {seconds:.0} s, of which {heal_seconds:.0} s to heal and check")?;
        writeln!(f, "actions      {acts}: {}", listed(&self.acts))?;
        let Verdict { sent, acknowledged, logged, .. } = verdict;
        writeln!(f, "events       {sent} sent, {acknowledged} acknowledged, {logged} in the log")?;
        writeln!(f, "answers      {}", listed(&verdict.answers))?;
        let Verdict { readers, deliveries, connections, .. } = verdict;
        writeln!(f, "readers      {readers}: {deliveries} deliveries, {connections} connections")?;
        writeln!(f, "ends         {}", listed(&self.ends))?;
        let (gaps, unexplained) = (listed(&verdict.gaps), verdict.gaps_unexplained);
        writeln!(f, "gaps         {gaps}; {unexplained} unexplained")?;
        let Verdict { lost, lost_told, gone, gone_explained, .. } = verdict;
        writeln!(f, "lost         {lost} in silence, {lost_told} told")?;
        writeln!(f, "gone         {gone} from the log, {gone_explained} explained")?;
        let Verdict { ghosts, ghosts_told, repeated, repeated_told, .. } = verdict;
        writeln!(f, "ghosts       {ghosts} in silence, {ghosts_told} told")?;
        writeln!(f, "repeated     {repeated} in silence, {repeated_told} behind a gap")?;
        let Verdict { reordered, altered, diverged, jumped, .. } = verdict;
        writeln!(f, "reordered    {reordered}; altered {altered}; another event {diverged}")?;
        writeln!(f, "jumped       {jumped}; lists in part {}", verdict.torn)?;
        let Verdict { twice, twice_explained, .. } = verdict;
        writeln!(f, "twice        {twice} under one key, {twice_explained} explained")?;
        writeln!(f, "health       the slowest answer took {} ms", self.slowest_health_ms)?;
        for problem in &verdict.problems {
            writeln!(f, "PROBLEM      {problem}")?;
        }
        write!(f, "{}", if self.passed { "PASSED" } else { "FAILED" })
    }
}

fn listed(counts: &BTreeMap<String, u64>) -> String {
    match counts.is_empty() {
        true => "none".into(),
        false => {
            let counts: Vec<_> = counts.iter().map(|(what, n)| format!("{what} {n}")).collect();
            counts.join(", ")
        }
    }
}
