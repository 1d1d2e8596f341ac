//! Prometheus' text format and OpenMetrics
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>), read strictly. Pure.
//!
//! Of well-known readers none is small, and none tells a family without series from one that is not
//! there, on which it depends whether nothing is a zero.

use std::collections::BTreeSet;

use super::Selector;

/// The longest line.
const LINE_BYTES_MAX: usize = 64 << 10;

/// The most series of wanted families.
const SERIES_MAX: usize = 100_000;

/// How much older than now a number may be, or newer, in seconds.
const AGE_MAX_S: f64 = 60.0;

/// What every Tidegate says of itself.
const TIDEGATE: &str = "tidegate_build_info";

/// Families that a Tidegate leaves out until they have their first series: there, nothing is zero.
const LEFT_OUT_WHILE_EMPTY: [&str; 10] = [
    "tidegate_deliveries_total",
    "tidegate_events_published_total",
    "tidegate_gaps_total",
    "tidegate_http_requests_total",
    "tidegate_idempotency_total",
    "tidegate_lag_closes_total",
    "tidegate_replays_total",
    "tidegate_stream_connects_total",
    "tidegate_stream_ends_total",
    "tidegate_streams_open",
];

/// What was read of the families that are wanted.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Families {
    is_tidegate: bool,
    declared: BTreeSet<String>,
    series: Vec<Series>,
}

#[derive(Debug, PartialEq)]
struct Series {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

/// A text that is none, or whose numbers can't be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TextError {
    /// A line can't be read.
    #[error("line {line} of its metrics can't be read: {what}")]
    Line {
        /// Which.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It ends before its end.
    #[error("its metrics end before their `# EOF`")]
    Cut,
    /// It is no text.
    #[error("its metrics are no UTF-8")]
    NoText,
    /// There is too much of it.
    #[error("it has more than {SERIES_MAX} series of one family")]
    TooMany,
    /// One series has two values.
    #[error("a series of `{0}` stands there twice")]
    Twice(String),
    /// A number is of another time.
    #[error("`{0}` is of another time than now; look who keeps its metrics, and at the clocks")]
    Stale(String),
    /// A number that is none.
    #[error("`{family}` is {value}, which is no count")]
    NoNumber {
        /// Of which family.
        family: String,
        /// The number.
        value: String,
    },
    /// The family is not there.
    #[error("it has no family `{0}`")]
    Missing(String),
}

/// Reads the families with these names; `now_s` is the time in seconds since 1970.
///
/// # Errors
/// Fails on what is not whole, not readable, or of another time.
pub(super) fn read(
    bytes: &[u8],
    is_openmetrics: bool,
    wanted: &[&str],
    now_s: f64,
) -> Result<Families, TextError> {
    let text = std::str::from_utf8(bytes).map_err(|_| TextError::NoText)?;
    let mut families = Families::default();
    let (mut is_whole, mut seen) = (!is_openmetrics, BTreeSet::new());
    for (index, line) in text.lines().enumerate() {
        let fault = |what| TextError::Line { line: index + 1, what };
        if line.len() > LINE_BYTES_MAX {
            return Err(fault("it is too long"));
        }
        if let Some(comment) = line.strip_prefix('#') {
            is_whole |= comment.trim() == "EOF";
            let mut words = comment.split_whitespace();
            if words.next() == Some("TYPE") {
                let (name, kind) = words.next().zip(words.next()).ok_or_else(|| fault("TYPE"))?;
                families.declare(name, kind, wanted);
            }
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        let (series, time) = series(line, is_openmetrics).map_err(fault)?;
        families.is_tidegate |= series.name == TIDEGATE;
        if !wanted.contains(&series.name.as_str()) {
            continue;
        }
        if time.is_some_and(|time| (time - now_s).abs() > AGE_MAX_S) {
            return Err(TextError::Stale(series.name));
        }
        if !seen.insert((series.name.clone(), series.labels.clone())) {
            return Err(TextError::Twice(series.name));
        }
        families.series.push(series);
        if families.series.len() > SERIES_MAX {
            return Err(TextError::TooMany);
        }
    }
    // Without a line end at the end its last line may not be whole.
    let ends = is_whole && (is_openmetrics || text.is_empty() || text.ends_with('\n'));
    if ends { Ok(families) } else { Err(TextError::Cut) }
}

impl Families {
    /// Remembers which names a declared family has series under.
    fn declare(&mut self, name: &str, kind: &str, wanted: &[&str]) {
        let ends: &[&str] = match kind {
            "counter" => &["", "_total"],
            "histogram" | "summary" => &["", "_sum", "_count"],
            _ => &[""],
        };
        let names = ends.iter().map(|end| format!("{name}{end}"));
        self.declared.extend(names.filter(|name| wanted.contains(&name.as_str())));
    }

    /// Returns the sum of the series that are meant; of a family that has none, zero.
    ///
    /// # Errors
    /// Fails where the family is not there, or has a number that is no count.
    pub(super) fn sum(&self, selector: &Selector) -> Result<f64, TextError> {
        let name = &selector.name;
        let mut of_family = self.series.iter().filter(|series| series.name == *name).peekable();
        let may_be_left_out = self.is_tidegate && LEFT_OUT_WHILE_EMPTY.contains(&name.as_str());
        let is_known = may_be_left_out || self.declared.contains(name);
        if of_family.peek().is_none() && !is_known {
            return Err(TextError::Missing(name.clone()));
        }
        let mut sum = 0.0;
        for series in of_family {
            if !series.value.is_finite() || series.value < 0.0 {
                let value = series.value.to_string();
                return Err(TextError::NoNumber { family: name.clone(), value });
            }
            if selector.holds(&series.labels) {
                sum += series.value;
            }
        }
        Ok(sum)
    }
}

/// Reads `name{label="value",…} value [time]`; the time is in seconds since 1970.
fn series(line: &str, is_openmetrics: bool) -> Result<(Series, Option<f64>), &'static str> {
    let end = line.find(['{', ' ', '\t']).ok_or("it has no value")?;
    let (name, rest) = line.split_at(end);
    if name.is_empty() {
        return Err("it has no name");
    }
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    // An exemplar stands behind the value.
    let rest = if is_openmetrics { rest.split(" # ").next().unwrap_or(rest) } else { rest };
    let mut words = rest.split_whitespace();
    let value = words.next().and_then(number).ok_or("its value is no number")?;
    let time = match words.next() {
        Some(time) => Some(time.parse::<f64>().map_err(|_| "its time is no number")?),
        None => None,
    };
    if words.next().is_some() {
        return Err("there is something behind it");
    }
    let time = time.map(|time| if is_openmetrics { time } else { time / 1000.0 });
    Ok((Series { name: name.to_owned(), labels, value }, time))
}

fn number(text: &str) -> Option<f64> {
    match text {
        "NaN" | "Nan" => Some(f64::NAN),
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        text => text.parse().ok(),
    }
}

type Labels = Vec<(String, String)>;

/// Reads labels up to the `}`; returns what stands behind it.
fn labels(text: &str) -> Result<(Labels, &str), &'static str> {
    let (mut labels, mut rest) = (Labels::new(), text.trim_start());
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            labels.sort();
            return Ok((labels, after));
        }
        let (name, after) = rest.split_once('=').ok_or("its labels have no end")?;
        let after = after.strip_prefix('"').ok_or("a label's value has no quotes")?;
        let (value, after) = value(after)?;
        labels.push((name.trim().to_owned(), value));
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if after.starts_with('}') => after,
            None => return Err("its labels have no end"),
        };
    }
}

/// Reads a label's value up to its closing quote.
fn value(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => value.push('\n'),
                Some(c @ ('\\' | '"')) => value.push(c),
                _ => return Err("a label's value has an unknown escape"),
            },
            c => value.push(c),
        }
    }
    Err("a label's value has no end")
}

#[cfg(test)]
mod tests;
