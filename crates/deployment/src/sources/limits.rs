//! What must not happen: something that is counted, findings of ledgers, health that is away, processes
//! that are started again.

use std::collections::BTreeMap;

use conductor::{NoSight, Sighting};
use guard::{Arm, At};

use super::{LedgerTotals, Selector, Sight, scrape, selector::Matcher, totals::grown};
use crate::{Replica, http::Question};

/// When a process was started, in seconds since 1970, where a replica says it.
const STARTED: &str = "process_start_time_seconds";

/// What grows with every request: where it falls, a process was started again.
const REQUESTS: &str = "tidegate_http_requests_total";

/// Something that is counted and must not happen.
#[derive(Debug)]
pub(crate) struct FamilyZero {
    bad: Selector,
    all: Selector,
    /// Bad ones and all, by replica.
    last: Option<BTreeMap<String, (f64, f64)>>,
}

/// Findings of clients with ledgers of their own, from their beginning on.
#[derive(Debug)]
pub(crate) struct LedgerZero {
    kinds: Selector,
    last: LedgerTotals,
}

/// Health that is away.
#[derive(Debug)]
pub(crate) struct Down {
    pub(super) path: String,
}

/// How long a canary's replica may be silent while it has traffic: to start again takes a while.
const SILENT_MAX_MS: u64 = 15_000;

/// Processes that are started again.
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    counted: Option<u64>,
    /// When each replica was started, or how much it had counted.
    seen: BTreeMap<String, f64>,
    /// Since when those are silent that do not answer.
    silent: BTreeMap<String, At>,
}

impl FamilyZero {
    pub(crate) fn new(bad: Selector) -> Self {
        let all = Selector::new(&bad.name, Vec::new());
        FamilyZero { bad, all, last: None }
    }

    pub(super) async fn look(&mut self, sight: &Sight<'_>) -> Result<Sighting, NoSight> {
        let replicas = sight.serving_replicas().await?;
        let scraped = scrape::each(sight, replicas, &[&self.all.name]).await;
        let scraped = scraped.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut now = BTreeMap::new();
        let (mut found, mut checked) = (0.0, 0.0);
        for scraped in &scraped {
            let (bad, all) = (scraped.sum(&self.bad)?, scraped.sum(&self.all)?);
            let name = &scraped.replica.name;
            // Who came since the last look began to count since then.
            let last = self.last.as_ref().and_then(|last| last.get(name));
            found += grown(last.map(|last| last.0), bad);
            checked += grown(last.map(|last| last.1), all);
            now.insert(name.clone(), (bad, all));
        }
        if self.bad.matchers.is_empty() {
            // Whatever it counts is bad: what is checked is that replicas did not count it.
            checked = scraped.len() as f64 + found;
        }
        let is_first = self.last.is_none();
        // One that has no traffic now may have some again: what it had counted is kept.
        self.last.get_or_insert_default().extend(now);
        Ok(if is_first { Sighting::First } else { Sighting::Bad { checked, found } })
    }
}

impl LedgerZero {
    /// Returns what looks at all findings, or at those whose `kind` is meant.
    pub(crate) fn new(kinds: Selector) -> Result<Self, String> {
        if kinds.matchers.iter().any(|matcher: &Matcher| matcher.label() != "kind") {
            return Err("of a ledger the one label is `kind`".to_owned());
        }
        let last = LedgerTotals::default();
        if !last.found().iter().any(|(kind, _)| is_meant(&kinds, kind)) {
            let kinds = last.found().map(|(kind, _)| kind).join(", ");
            return Err(format!("a ledger has no such `kind`; there are {kinds}"));
        }
        Ok(LedgerZero { kinds, last })
    }

    pub(super) async fn look(&mut self, sight: &Sight<'_>) -> Result<Sighting, NoSight> {
        let totals = sight.hands.ledger().await.map_err(|error| NoSight(error.text))?;
        let lacks = "nobody keeps a ledger here; name a program under [ask] that prints its totals";
        let now = totals.ok_or_else(|| NoSight(lacks.to_owned()))?;
        let pairs = self.last.found().into_iter().zip(now.found());
        let mut found = 0.0;
        for ((kind, last), (_, now)) in pairs.filter(|it| is_meant(&self.kinds, it.0.0)) {
            found += grew(kind, last, now)?;
        }
        let checked = grew("checked", self.last.checked, now.checked)?;
        self.last = now;
        Ok(Sighting::Bad { checked, found })
    }
}

fn is_meant(kinds: &Selector, kind: &str) -> bool {
    kinds.holds(&[("kind".to_owned(), kind.to_owned())])
}

/// Returns what a total of a ledger grew by; one that fell is of another ledger.
fn grew(kind: &str, last: u64, now: u64) -> Result<f64, NoSight> {
    let grown = now.checked_sub(last).map(|grown| grown as f64);
    grown.ok_or_else(|| {
        NoSight(format!("the ledger's `{kind}` fell from {last} to {now}: it is another one"))
    })
}

impl LedgerTotals {
    /// Returns the findings by their kinds.
    const fn found(&self) -> [(&'static str, u64); 5] {
        [
            ("lost", self.lost),
            ("repeated", self.repeated),
            ("reordered", self.reordered),
            ("altered", self.altered),
            ("effects", self.effects),
        ]
    }
}

impl Down {
    /// Asks through the router, as clients do. What does not answer is down.
    pub(super) async fn look(&self, sight: &Sight<'_>) -> Result<Sighting, NoSight> {
        let url = format!("{}{}", sight.service, self.path);
        let question = Question {
            key: sight.key.as_ref(),
            within: Some(scrape::SCRAPE_TIME_MAX),
            ..Question::default()
        };
        let answer = sight.http.ask("GET", &url, question).await;
        Ok(Sighting::Up(answer.is_ok_and(|answer| answer.is_good())))
    }
}

impl Restarts {
    pub(super) async fn look(&mut self, sight: &Sight<'_>, at: At) -> Result<Sighting, NoSight> {
        let counted = sight.hands.restarts().await.map_err(|error| NoSight(error.text))?;
        if let Some(now) = counted {
            return self.of_supervisor(now);
        }
        let replicas = sight.hands.replicas();
        let scraped = scrape::each(sight, replicas.clone(), &[STARTED, REQUESTS]).await;
        let (mut restarts, mut why) = (0, None);
        let is_first = self.seen.is_empty();
        let mut silent = BTreeMap::new();
        for (Replica { name, .. }, scraped) in replicas.into_iter().zip(scraped) {
            // One that is being started does not answer, and tells of it when it does.
            match scraped.and_then(|scraped| started(&scraped)) {
                Ok(now) => {
                    let last = self.seen.insert(name, now.number);
                    restarts += u64::from(last.is_some_and(|last| now.began_anew(last)));
                }
                Err(error) => {
                    let since = self.silent.get(&name).copied().unwrap_or(at);
                    silent.insert(name, since);
                    why = Some(error);
                }
            }
        }
        self.silent = silent;
        match why {
            Some(why) if self.silent.len() == sight.hands.replicas().len() => Err(why),
            Some(why) if self.is_gone(sight, at).await? => Err(why),
            _ if is_first => Ok(Sighting::First),
            _ => Ok(Sighting::Restarts(restarts)),
        }
    }

    /// Whether a canary's replica that has traffic has been silent for too long to be starting.
    async fn is_gone(&self, sight: &Sight<'_>, at: At) -> Result<bool, NoSight> {
        let is_long = |replica: &Replica| {
            let since = self.silent.get(&replica.name);
            let is_long = since.is_some_and(|since| at.0.saturating_sub(since.0) > SILENT_MAX_MS);
            replica.arm == Arm::Canary && is_long
        };
        if !sight.hands.replicas().iter().any(is_long) {
            return Ok(false);
        }
        Ok(sight.serving_replicas().await?.iter().any(is_long))
    }

    fn of_supervisor(&mut self, now: u64) -> Result<Sighting, NoSight> {
        let Some(last) = self.counted.replace(now) else { return Ok(Sighting::First) };
        let grew = now.checked_sub(last).ok_or_else(|| {
            NoSight(format!("the count of restarts fell from {last} to {now}: it is another one"))
        })?;
        Ok(Sighting::Restarts(grew))
    }
}

/// What tells one process from the next.
struct Started {
    number: f64,
    is_time: bool,
}

impl Started {
    fn began_anew(&self, last: f64) -> bool {
        // The second of the start may be rounded in two ways.
        if self.is_time { (self.number - last).abs() > 1.5 } else { self.number < last }
    }
}

fn started(scraped: &scrape::Scraped) -> Result<Started, NoSight> {
    let all = |name: &str| scraped.sum(&Selector::new(name, Vec::new()));
    if let Ok(number) = all(STARTED) {
        return Ok(Started { number, is_time: true });
    }
    Ok(Started { number: all(REQUESTS)?, is_time: false })
}
