//! What every guard keeps of its looks: when they came, which were refused, and whether they still come.

use crate::{At, Judgement, LeftOut, Verdict, Window};

/// The looks of a guard, by their times.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    guard: String,
    source: String,
    silent_ms_max: u64,
    looks: u64,
    refused: u64,
    began: Option<At>,
    window: Option<Window>,
    bad: Option<String>,
}

/// The numbers of a judgement.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    pub(crate) unit: String,
    pub(crate) value: Option<f64>,
    pub(crate) baseline: Option<f64>,
    pub(crate) bound: Option<f64>,
    pub(crate) n: f64,
    pub(crate) left_out: Option<LeftOut>,
}

impl Seen {
    pub(crate) fn new(guard: &str, source: &str, silent_ms_max: u64) -> Self {
        Seen {
            guard: guard.to_owned(),
            source: source.to_owned(),
            silent_ms_max,
            looks: 0,
            refused: 0,
            began: None,
            window: None,
            bad: None,
        }
    }

    /// Takes the time of a look in; returns whether it may count. One that is not later than the last
    /// may not: it could be the same look twice.
    pub(crate) fn look(&mut self, at: At) -> bool {
        self.began.get_or_insert(at);
        if self.window.is_some_and(|window| at <= window.to_ms) {
            self.refuse("a look came that is not later than the last one");
            return false;
        }
        self.bad = None;
        let from_ms = self.window.map_or(at, |window| window.from_ms);
        self.window = Some(Window { from_ms, to_ms: at });
        self.looks += 1;
        true
    }

    /// Takes in that a look can't be used.
    pub(crate) fn refuse(&mut self, why: impl Into<String>) {
        self.refused += 1;
        self.bad = Some(why.into());
    }

    /// Takes in when looking began, where the first look was none.
    pub(crate) fn begin(&mut self, at: At) {
        self.began.get_or_insert(at);
    }

    pub(crate) const fn looks(&self) -> u64 {
        self.looks
    }

    /// Returns the time that the looks cover.
    pub(crate) fn window(&self) -> Window {
        self.window.unwrap_or_default()
    }

    /// Returns what speaks against any other verdict than FAIL: the last look can't be trusted, or
    /// none has come for too long.
    pub(crate) fn trouble(&self, now: At) -> Option<(Verdict, String)> {
        if let Some(why) = &self.bad {
            return Some((Verdict::Error, format!("The source can't be trusted: {why}.")));
        }
        let silent_ms = now.since_ms(self.window.map(|window| window.to_ms).or(self.began)?);
        (silent_ms > self.silent_ms_max).then(|| {
            let seconds = silent_ms as f64 / 1000.0;
            (Verdict::Error, format!("No data has come for {seconds:.0} seconds."))
        })
    }

    pub(crate) fn judgement(&self, said: (Verdict, String), numbers: Numbers) -> Judgement {
        Judgement {
            guard: self.guard.clone(),
            verdict: said.0,
            unit: numbers.unit,
            value: numbers.value,
            baseline: numbers.baseline,
            bound: numbers.bound,
            n: numbers.n,
            left_out: numbers.left_out,
            refused: self.refused,
            window: self.window(),
            source: self.source.clone(),
            sentence: said.1,
        }
    }
}
