//! Hard limits: what no statistics excuse.

use std::collections::VecDeque;

use crate::{At, Judgement, Verdict, Window};

/// Something that must not happen once: an event lost, repeated or reordered, two effects under one
/// idempotency key.
#[derive(Clone, Debug)]
pub struct ZeroLimit {
    seen: Seen,
    what: String,
    checked: f64,
    found: f64,
}

/// Health that must not be away for long.
#[derive(Clone, Debug)]
pub struct DownLimit {
    seen: Seen,
    down_ms_max: u64,
    down_since: Option<At>,
    longest_ms: u64,
}

/// A process that must not be started again and again.
#[derive(Clone, Debug)]
pub struct RestartLimit {
    seen: Seen,
    restarts_max: usize,
    within_ms: u64,
    recent: VecDeque<At>,
    most: usize,
}

/// What every limit keeps.
#[derive(Clone, Debug)]
struct Seen {
    guard: String,
    source: String,
    silent_ms_max: u64,
    looks: u64,
    window: Option<Window>,
    failed: bool,
    bad: Option<String>,
}

impl Seen {
    fn new(guard: &str, source: &str, silent_ms_max: u64) -> Self {
        Seen {
            guard: guard.to_owned(),
            source: source.to_owned(),
            silent_ms_max,
            looks: 0,
            window: None,
            failed: false,
            bad: None,
        }
    }

    /// Takes the time of a look in; returns whether it may count.
    fn look(&mut self, at: At) -> bool {
        if self.window.is_some_and(|window| at <= window.to_ms) {
            self.bad = Some("a look came that is not later than the last one".to_owned());
            return false;
        }
        self.bad = None;
        let from_ms = self.window.map_or(at, |window| window.from_ms);
        self.window = Some(Window { from_ms, to_ms: at });
        self.looks += 1;
        true
    }

    /// Returns what speaks against any other verdict than FAIL.
    fn trouble(&self, now: At) -> Option<(Verdict, String)> {
        if let Some(why) = &self.bad {
            return Some((Verdict::Error, format!("The source can't be trusted: {why}.")));
        }
        let Some(window) = self.window else {
            return Some((Verdict::Insufficient, "Nothing has been looked at yet.".to_owned()));
        };
        let silent_ms = now.since_ms(window.to_ms);
        (silent_ms > self.silent_ms_max).then(|| {
            let seconds = silent_ms as f64 / 1000.0;
            (Verdict::Error, format!("No data has come for {seconds:.0} seconds."))
        })
    }

    fn judgement(&self, said: (Verdict, String), (value, bound, n): (f64, f64, f64)) -> Judgement {
        Judgement {
            guard: self.guard.clone(),
            verdict: said.0,
            value: (self.looks > 0).then_some(value),
            baseline: None,
            bound: Some(bound),
            n,
            window: self.window.unwrap_or_default(),
            source: self.source.clone(),
            sentence: said.1,
        }
    }
}

impl ZeroLimit {
    /// Returns a limit; `what` is in the plural, as `lost events`.
    pub fn new(guard: &str, source: &str, what: &str, silent_ms_max: u64) -> Self {
        let seen = Seen::new(guard, source, silent_ms_max);
        ZeroLimit { seen, what: what.to_owned(), checked: 0.0, found: 0.0 }
    }

    /// Takes in how many were checked, and how many of them were bad.
    pub fn look(&mut self, at: At, checked: f64, found: f64) {
        let sound = |number: f64| number.is_finite() && number >= 0.0;
        if !sound(checked) || !sound(found) {
            self.seen.bad = Some(format!("{found} of {checked} is no count"));
            return;
        }
        if self.seen.look(at) {
            self.checked += checked;
            self.found += found;
            self.seen.failed |= found > 0.0;
        }
    }

    /// Judges what was seen until now. Where nothing was checked, nothing passes.
    pub fn judge(&self, now: At) -> Judgement {
        let Self { what, checked, found, .. } = self;
        let said = if self.seen.failed {
            (Verdict::Fail, format!("There were {found} {what}; none is allowed."))
        } else if let Some(trouble) = self.seen.trouble(now) {
            trouble
        } else if *checked > 0.0 {
            (Verdict::Pass, format!("There were no {what} among {checked}."))
        } else {
            (Verdict::Insufficient, format!("Nothing was checked for {what}."))
        };
        self.seen.judgement(said, (*found, 0.0, *checked))
    }
}

impl DownLimit {
    /// Returns a limit for how long health may be away at one time.
    pub fn new(guard: &str, source: &str, down_ms_max: u64, silent_ms_max: u64) -> Self {
        let seen = Seen::new(guard, source, silent_ms_max);
        DownLimit { seen, down_ms_max, down_since: None, longest_ms: 0 }
    }

    /// Takes in whether it is up.
    pub fn look(&mut self, at: At, is_up: bool) {
        if !self.seen.look(at) {
            return;
        }
        if let Some(since) = self.down_since {
            self.longest_ms = self.longest_ms.max(at.since_ms(since));
            self.seen.failed |= at.since_ms(since) > self.down_ms_max;
        }
        self.down_since = if is_up { None } else { self.down_since.or(Some(at)) };
    }

    /// Judges what was seen until now.
    pub fn judge(&self, now: At) -> Judgement {
        let seconds = |ms: u64| ms as f64 / 1000.0;
        let (longest, most) = (seconds(self.longest_ms), seconds(self.down_ms_max));
        let said = if self.seen.failed {
            let text = format!("It was down for {longest:.0} seconds");
            (Verdict::Fail, format!("{text}; {most:.0} are allowed."))
        } else if let Some(trouble) = self.seen.trouble(now) {
            trouble
        } else if let Some(since) = self.down_since {
            let down = seconds(now.since_ms(since));
            let text = format!("It has been down for {down:.0} seconds");
            (Verdict::Insufficient, format!("{text}; {most:.0} are allowed."))
        } else {
            (Verdict::Pass, format!("It is up and was down for {longest:.0} seconds at most."))
        };
        self.seen.judgement(said, (longest, most, self.seen.looks as f64))
    }
}

impl RestartLimit {
    /// Returns a limit for how many restarts there may be within a time.
    pub fn new(
        guard: &str,
        source: &str,
        (restarts_max, within_ms): (usize, u64),
        silent_ms_max: u64,
    ) -> Self {
        let seen = Seen::new(guard, source, silent_ms_max);
        RestartLimit { seen, restarts_max, within_ms, recent: VecDeque::new(), most: 0 }
    }

    /// Takes in how many restarts there were since the last look.
    pub fn look(&mut self, at: At, restarts: usize) {
        if !self.seen.look(at) {
            return;
        }
        while self.recent.front().is_some_and(|first| at.since_ms(*first) > self.within_ms) {
            self.recent.pop_front();
        }
        // One more than allowed decides; more need not be kept.
        let kept = restarts.min(self.restarts_max + 1);
        self.recent.extend(std::iter::repeat_n(at, kept));
        self.most = self.most.max(self.recent.len());
        self.seen.failed |= self.recent.len() > self.restarts_max;
        while self.recent.len() > self.restarts_max + 1 {
            self.recent.pop_front();
        }
    }

    /// Judges what was seen until now.
    pub fn judge(&self, now: At) -> Judgement {
        let (most, max) = (self.most, self.restarts_max);
        let within = self.within_ms as f64 / 1000.0;
        let text = format!("{most} restarts within {within:.0} seconds at most, {max} are allowed");
        let said = if self.seen.failed {
            (Verdict::Fail, format!("It is started again and again: {text}."))
        } else if let Some(trouble) = self.seen.trouble(now) {
            trouble
        } else {
            (Verdict::Pass, format!("It keeps running: {text}."))
        };
        self.seen.judgement(said, (most as f64, max as f64, self.seen.looks as f64))
    }
}
