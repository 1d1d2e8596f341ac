//! What a candidate can be told to do wrong, as `errors=20%,seed=7`: what the server reads from
//! `TIDEGATE_INJECT` (docs/inject.md), looked at before anything is started, and which guards are there
//! for it. Pure.

use std::ops::RangeInclusive;

use runbook::{GuardSpec, Measure};

/// How long an answer may be held back, how far cuts may lie apart, how long a process may live.
const LATENCY_MS: RangeInclusive<u64> = 1..=60_000;
const CUT_EVERY_MS: RangeInclusive<u64> = 1_000..=3_600_000;
const CRASH_MS: RangeInclusive<u64> = 0..=86_400_000;

/// Percentages are counted in parts of a million; what is less is nothing.
const PERCENT_MIN: f64 = 0.000_05;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Errors,
    Latency,
    Disconnects,
    Lose,
    Repeat,
    Reorder,
    Crash,
    Idempotency,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "errors" => Kind::Errors,
            "latency" => Kind::Latency,
            "disconnects" => Kind::Disconnects,
            "lose" => Kind::Lose,
            "repeat" => Kind::Repeat,
            "reorder" => Kind::Reorder,
            "crash" => Kind::Crash,
            "idempotency" => Kind::Idempotency,
            _ => return None,
        })
    }

    /// Returns whether a guard is there for it.
    pub(super) fn is_seen_by(self, guard: &GuardSpec) -> bool {
        let counts = |kind: &str| {
            let source = &guard.source;
            guard.measure == Measure::Zero
                && (!source.contains("kind=") || source.contains(&format!("kind=\"{kind}\"")))
        };
        match self {
            Kind::Errors => matches!(guard.measure, Measure::Errors | Measure::Down),
            Kind::Latency => guard.measure == Measure::Latency,
            Kind::Disconnects => guard.measure == Measure::Disconnects,
            Kind::Lose => counts("lost"),
            Kind::Repeat => counts("repeated"),
            // One that comes too late for a hole is lost.
            Kind::Reorder => counts("reordered") || counts("lost"),
            Kind::Idempotency => counts("effects"),
            Kind::Crash => matches!(
                guard.measure,
                Measure::Restarts | Measure::Disconnects | Measure::Errors | Measure::Down
            ),
        }
    }
}

/// Returns what goes wrong of what a list says.
pub(super) fn kinds(list: &str) -> impl Iterator<Item = Kind> {
    list.split(',').filter_map(|item| Kind::of(split(item).0))
}

/// Looks whether a list is one that a server takes, and makes anything wrong.
///
/// # Errors
/// Fails with the first slip in it, and what may stand there.
pub(super) fn check(list: &str) -> Result<(), String> {
    let items: Vec<_> = list.split(',').map(split).collect();
    for (at, (name, value)) in items.iter().enumerate() {
        let shown = value.map_or_else(|| (*name).to_owned(), |value| format!("{name}={value}"));
        if items[..at].iter().any(|(earlier, _)| earlier == name) {
            return Err(format!("`{shown}`: it stands more than once"));
        }
        item(name, *value).map_err(|what| format!("`{shown}`: {what}"))?;
    }
    let has = |wanted: &str| items.iter().any(|(name, _)| *name == wanted);
    if has("errors-all") && !has("errors") {
        return Err("`errors-all` needs `errors`, which says how many".to_owned());
    }
    if kinds(list).next().is_none() {
        return Err(format!("`{list}` makes nothing wrong; `none` is for that"));
    }
    Ok(())
}

fn split(item: &str) -> (&str, Option<&str>) {
    match item.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (item.trim(), None),
    }
}

fn item(name: &str, value: Option<&str>) -> Result<(), String> {
    if matches!(name, "errors-all" | "idempotency") {
        return if value.is_some() { Err("it takes no value".to_owned()) } else { Ok(()) };
    }
    let needed = || value.filter(|it| !it.is_empty()).ok_or_else(|| "it needs a value".to_owned());
    match name {
        "seed" => needed()?.parse::<u64>().map(drop).map_err(|_| "it is a whole number".to_owned()),
        "errors" | "lose" | "repeat" | "reorder" => share(needed()?),
        "latency" => {
            let (by, of) = needed()?.split_once('@').unwrap_or((needed()?, "100%"));
            time(by, &LATENCY_MS).and_then(|()| share(of))
        }
        "disconnects" => {
            let cut = needed()?.split_once('@').ok_or("it is written as 30%@10s")?;
            share(cut.0).and_then(|()| time(cut.1, &CUT_EVERY_MS))
        }
        "crash" => time(needed()?, &CRASH_MS),
        _ => Err("there are errors=20%, errors-all, latency=250ms@50%, disconnects=30%@10s, lose=1/200, \
                  repeat=1/200, reorder=1/200, crash=20s, idempotency and seed=N; or `none`"
            .to_owned()),
    }
}

fn share(text: &str) -> Result<(), String> {
    let is_share = match (text.strip_suffix('%'), text.split_once('/')) {
        (Some(percent), _) => {
            let is_plain = percent.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            is_plain && percent.parse().is_ok_and(|it: f64| (PERCENT_MIN..=100.0).contains(&it))
        }
        (None, Some((part, whole))) => {
            let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            let both = part.parse::<u32>().ok().zip(whole.parse::<u32>().ok());
            is_plain(part) && is_plain(whole) && both.is_some_and(|(n, of)| n > 0 && n <= of)
        }
        (None, None) => false,
    };
    let what = "a share is written as 20%, 0.5% or 1/200: more than nothing, and all at most";
    if is_share { Ok(()) } else { Err(what.to_owned()) }
}

fn time(text: &str, allowed: &RangeInclusive<u64>) -> Result<(), String> {
    let (number, factor) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 1),
        (None, Some(number)) => (number, 1000),
        (None, None) => ("", 0),
    };
    let ms = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    let (least, most) = (allowed.start(), allowed.end());
    let what = || format!("a time is written as 250ms or 10s, here from {least} ms to {most} ms");
    if ms.is_some_and(|ms| allowed.contains(&ms)) { Ok(()) } else { Err(what()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_takes_is_taken_and_nothing_else() {
        for good in [
            "errors=20%",
            "errors=0.5%, errors-all ,seed=7",
            "latency=250ms@50%,lose=1/200",
            "latency=10s",
            "disconnects=30%@10s,repeat=1/200,reorder=100%,crash=0s,idempotency",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "seed=7",
            "errors",
            "errors=200%",
            "None",
            "lose=1e9%",
            "crash=",
            "crash=1",
            "errors=20%,",
            "errors=1%,errors=2%",
            "errors-all",
            "idempotency=1",
            "lose=0/2",
            "lose=3/2",
            "lose=0%",
            "lose=+1/2",
            "latency=0ms",
            "disconnects=30%",
            "seed=x,lose=1%",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
