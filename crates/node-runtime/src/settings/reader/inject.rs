//! `TIDEGATE_INJECT`: which faults a test build is to make. No release knows this setting.

use std::{ops::RangeInclusive, str::FromStr, time::Duration};

use delivery::inject::{Chance, Cut, Faults};

use super::Reader;

/// The setting.
pub(in crate::settings) const SETTING: &str = "TIDEGATE_INJECT";

/// How long an answer may be held back.
const LATENCY_MS: RangeInclusive<u64> = 1..=60_000;

/// How far cuts may lie apart: workers look once a second.
const CUT_EVERY_MS: RangeInclusive<u64> = 1_000..=3_600_000;

/// How long a process may live.
const CRASH_MS: RangeInclusive<u64> = 0..=86_400_000;

/// What a test build does wrong; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InjectSettings {
    /// The list as it was given, for people to see.
    pub shown: String,
    /// What all draws follow from.
    pub seed: u64,
    /// The share of requests that is answered with an error.
    pub errors: Option<Chance>,
    /// Whether requests of operators and load balancers are among them.
    pub errors_all: bool,
    /// The share of requests that is held back, and for how long.
    pub latency: Option<(Duration, Chance)>,
    /// What goes wrong between the log and readers, but for its seed.
    pub readers: Faults,
    /// How long after it is ready the process aborts.
    pub crash_after: Option<Duration>,
    /// Whether what makes another attempt harmless is ignored.
    pub ignores_keys: bool,
}

impl InjectSettings {
    /// Returns what goes wrong between the log and readers.
    pub fn faults(&self) -> Faults {
        Faults { seed: self.seed, ..self.readers }
    }

    fn add(&mut self, item: &str) -> Result<(), String> {
        let (name, value) = match item.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (item, None),
        };
        match name {
            "seed" => self.seed = whole(needed(value)?)?,
            "errors" => self.errors = Some(chance(needed(value)?)?),
            "errors-all" => self.errors_all = flag(value)?,
            "latency" => self.latency = Some(latency(needed(value)?)?),
            "disconnects" => self.readers.cut = Some(cut(needed(value)?)?),
            "lose" => self.readers.lose = Some(chance(needed(value)?)?),
            "repeat" => self.readers.repeat = Some(chance(needed(value)?)?),
            "reorder" => self.readers.reorder = Some(chance(needed(value)?)?),
            "crash" => self.crash_after = Some(duration(needed(value)?, CRASH_MS)?),
            "idempotency" => self.ignores_keys = flag(value)?,
            _ => {
                return Err("there are errors=20%, errors-all, latency=250ms@50%, \
                            disconnects=30%@10s, lose=1/200, repeat=1/200, reorder=1/200, \
                            crash=20s, idempotency and seed=N"
                    .to_owned());
            }
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// Reads the list; every slip in it is told.
    pub(in crate::settings) fn inject(&mut self) -> InjectSettings {
        let mut settings = InjectSettings::default();
        let Some(text) = self.text(SETTING) else { return settings };
        let items: Vec<_> = text.split(',').map(str::trim).collect();
        let name = |item: &str| item.split('=').next().unwrap_or_default().trim().to_owned();
        for (at, item) in items.iter().enumerate() {
            let is_repeated = items[..at].iter().any(|earlier| name(earlier) == name(item));
            let added = match is_repeated {
                true => Err("it stands more than once".to_owned()),
                false => settings.add(item),
            };
            if let Err(what) = added {
                self.problem(SETTING, &format!("`{item}`: {what}"));
            }
        }
        if settings.errors_all && !items.iter().any(|item| name(item) == "errors") {
            self.problem(SETTING, "`errors-all` needs `errors`, which says how many");
        }
        settings.shown = items.join(",");
        settings
    }
}

fn needed(value: Option<&str>) -> Result<&str, String> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| "it needs a value".to_owned())
}

fn flag(value: Option<&str>) -> Result<bool, String> {
    if value.is_some() { Err("it takes no value".to_owned()) } else { Ok(true) }
}

fn whole(text: &str) -> Result<u64, String> {
    u64::from_str(text).map_err(|_| "allowed is a whole number".to_owned())
}

fn chance(text: &str) -> Result<Chance, String> {
    text.parse::<Chance>().map_err(|error| error.to_string())
}

/// Reads `250ms@50%`, or `250ms` for every request.
fn latency(text: &str) -> Result<(Duration, Chance), String> {
    let (by, share) = text.split_once('@').unwrap_or((text, "100%"));
    Ok((duration(by, LATENCY_MS)?, chance(share)?))
}

/// Reads `30%@10s`.
fn cut(text: &str) -> Result<Cut, String> {
    let (share, every) = text.split_once('@').ok_or("it is written as 30%@10s")?;
    Ok(Cut { share: chance(share)?, every: duration(every, CUT_EVERY_MS)? })
}

fn duration(text: &str, ms_allowed: RangeInclusive<u64>) -> Result<Duration, String> {
    let (number, factor) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 1),
        (None, Some(number)) => (number, 1000),
        (None, None) => ("", 0),
    };
    let ms = u64::from_str(number).ok().and_then(|number| number.checked_mul(factor));
    let ms = ms.filter(|ms| ms_allowed.contains(ms));
    let (least, most) = (ms_allowed.start(), ms_allowed.end());
    ms.map(Duration::from_millis).ok_or_else(|| {
        format!("a time is written as 250ms or 10s, here from {least} ms to {most} ms")
    })
}
