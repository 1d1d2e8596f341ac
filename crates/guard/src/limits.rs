//! Hard limits: what no statistics excuse.

use std::collections::VecDeque;

use crate::{
    At, Judgement, Verdict,
    seen::{Numbers, Seen},
};

/// Looks with restarts that are kept apart.
const LOOKS_MAX: usize = 4_096;

/// Something that must not happen once: an event lost, repeated or reordered, two effects under one
/// idempotency key.
#[derive(Clone, Debug)]
pub struct ZeroLimit {
    seen: Seen,
    what: String,
    checked: f64,
    found: f64,
    has_failed: bool,
}

/// Health that must not be away for long.
#[derive(Clone, Debug)]
pub struct DownLimit {
    seen: Seen,
    down_ms_max: u64,
    down_since: Option<At>,
    longest_ms: u64,
    has_failed: bool,
}

/// A process that must not be started again and again.
#[derive(Clone, Debug)]
pub struct RestartLimit {
    seen: Seen,
    restarts_max: u64,
    within_ms: u64,
    /// Looks with restarts, and how many each had.
    recent: VecDeque<(At, u64)>,
    sum: u64,
    most: u64,
    has_failed: bool,
}

impl ZeroLimit {
    /// Returns a limit; `what` is in the singular, as `lost event`.
    pub fn new(guard: &str, source: &str, what: &str, silent_ms_max: u64) -> Self {
        let seen = Seen::new(guard, source, silent_ms_max);
        ZeroLimit { seen, what: what.to_owned(), checked: 0.0, found: 0.0, has_failed: false }
    }

    /// Takes in how many were checked, and how many of them were bad.
    ///
    /// A look with numbers that can't be, or not later than the last, is refused: the verdict is ERROR
    /// until the next good look. What it found is not: one that was found fails the limit for good.
    pub fn observe(&mut self, at: At, checked: f64, found: f64) {
        self.seen.begin(at);
        let is_found = found > 0.0;
        self.has_failed |= is_found;
        let sound = |number: f64| number.is_finite() && number >= 0.0;
        if !sound(checked) || !sound(found) {
            self.seen.refuse(format!("{found} of {checked} is no count"));
        } else if self.seen.look(at) {
            self.checked += checked;
            self.found += found;
        }
        if is_found {
            // Of a refused look only that there was one is known.
            self.found = self.found.max(1.0);
        }
    }

    /// Judges what was seen until now. Where nothing was checked, nothing passes.
    pub fn judge(&self, now: At) -> Judgement {
        let Self { what, checked, found, .. } = self;
        let said = if self.has_failed {
            let were = if *found == 1.0 { "was" } else { "were" };
            (Verdict::Fail, format!("Not one {what} is allowed, and {found} {were} found."))
        } else if let Some(trouble) = self.seen.trouble(now) {
            trouble
        } else if self.seen.looks() == 0 {
            nothing_yet()
        } else if *checked > 0.0 {
            (Verdict::Pass, format!("Not one {what} was found among {checked}."))
        } else {
            (Verdict::Insufficient, format!("Not one {what} was found, but nothing was checked."))
        };
        self.seen.judgement(
            said,
            numbers(what, self.has_failed || self.seen.looks() > 0, [*found, 0.0], *checked),
        )
    }
}

impl DownLimit {
    /// Returns a limit for how long health may be away at one time.
    pub fn new(guard: &str, source: &str, down_ms_max: u64, silent_ms_max: u64) -> Self {
        let seen = Seen::new(guard, source, silent_ms_max);
        DownLimit { seen, down_ms_max, down_since: None, longest_ms: 0, has_failed: false }
    }

    /// Takes in whether it is up.
    ///
    /// A look that is not later than the last is refused: the verdict is ERROR until the next one.
    pub fn observe(&mut self, at: At, is_up: bool) {
        if !self.seen.look(at) {
            return;
        }
        if let Some(since) = self.down_since {
            self.longest_ms = self.longest_ms.max(at.since_ms(since));
            self.has_failed |= at.since_ms(since) > self.down_ms_max;
        }
        self.down_since = if is_up { None } else { self.down_since.or(Some(at)) };
    }

    /// Judges what was seen until now. While it is down, the time until now counts, unless nothing has
    /// been heard for too long.
    pub fn judge(&self, now: At) -> Judgement {
        let seconds = |ms: u64| ms as f64 / 1000.0;
        let trouble = self.seen.trouble(now);
        let now_down_ms = self.down_since.filter(|_| trouble.is_none()).map(|at| now.since_ms(at));
        let longest_ms = self.longest_ms.max(now_down_ms.unwrap_or(0));
        let (longest, most) = (seconds(longest_ms), seconds(self.down_ms_max));
        let allowed = format!("{most:.0} are allowed.");
        let said = if self.has_failed || longest_ms > self.down_ms_max {
            (Verdict::Fail, format!("It was down for {longest:.0} seconds; {allowed}"))
        } else if let Some(trouble) = trouble {
            trouble
        } else if self.seen.looks() == 0 {
            nothing_yet()
        } else if let Some(down_ms) = now_down_ms {
            let down = seconds(down_ms);
            (Verdict::Insufficient, format!("It has been down for {down:.0} seconds; {allowed}"))
        } else {
            (Verdict::Pass, format!("It is up and was down for {longest:.0} seconds at most."))
        };
        let looks = self.seen.looks();
        self.seen.judgement(said, numbers("seconds", looks > 0, [longest, most], looks as f64))
    }
}

impl RestartLimit {
    /// Returns a limit for how many restarts there may be within a time.
    pub fn new(
        guard: &str,
        source: &str,
        (restarts_max, within_ms): (u64, u64),
        silent_ms_max: u64,
    ) -> Self {
        let seen = Seen::new(guard, source, silent_ms_max);
        let recent = VecDeque::new();
        RestartLimit { seen, restarts_max, within_ms, recent, sum: 0, most: 0, has_failed: false }
    }

    /// Takes in how many restarts there were since the last look.
    ///
    /// A look that is not later than the last is refused: the verdict is ERROR until the next one. Its
    /// restarts are not: they count as of the last look.
    pub fn observe(&mut self, at: At, restarts: u64) {
        let at = if self.seen.look(at) { at } else { self.seen.window().to_ms };
        while let Some((_, count)) =
            self.recent.pop_front_if(|(first, _)| at.since_ms(*first) > self.within_ms)
        {
            self.sum -= count;
        }
        if restarts == 0 || self.has_failed {
            return;
        }
        // One more than allowed decides; the sum can't grow over what there is room for.
        let restarts = restarts.min(u64::MAX - self.sum);
        self.sum += restarts;
        self.most = self.most.max(self.sum);
        self.has_failed = self.sum > self.restarts_max;
        let is_full = self.recent.len() >= LOOKS_MAX;
        match self.recent.back_mut() {
            // Where there are too many looks, the last ones count together.
            Some(last) if last.0 == at || is_full => {
                *last = (at, last.1 + restarts);
            }
            _ => self.recent.push_back((at, restarts)),
        }
    }

    /// Judges what was seen until now.
    pub fn judge(&self, now: At) -> Judgement {
        let (most, max) = (self.most, self.restarts_max);
        let within = self.within_ms as f64 / 1000.0;
        let text = format!("{most} restarts within {within:.0} seconds at most, {max} are allowed");
        let said = if self.has_failed {
            (Verdict::Fail, format!("It is started again and again: {text}."))
        } else if let Some(trouble) = self.seen.trouble(now) {
            trouble
        } else if self.seen.looks() == 0 {
            nothing_yet()
        } else {
            (Verdict::Pass, format!("It keeps running: {text}."))
        };
        let looks = self.seen.looks();
        let numbers = numbers("restarts", looks > 0, [most as f64, max as f64], looks as f64);
        self.seen.judgement(said, numbers)
    }
}

fn nothing_yet() -> (Verdict, String) {
    (Verdict::Insufficient, "Nothing has been looked at yet.".to_owned())
}

fn numbers(unit: &str, is_seen: bool, [value, bound]: [f64; 2], n: f64) -> Numbers {
    Numbers {
        unit: unit.to_owned(),
        value: is_seen.then_some(value),
        bound: Some(bound),
        n,
        ..Numbers::default()
    }
}
