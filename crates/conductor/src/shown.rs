//! Times, lengths of time and numbers as people read them, the same on a screen and in a record.

use jiff::{SignedDuration, Timestamp};

/// Returns a time to the second, as `2026-02-07T10:04:05Z`.
pub(crate) fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Returns a time of the day, as `10:04:05`.
pub(crate) fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// Returns a length of time in two units at most, as `3 min 20 s`.
pub(crate) fn length(time: SignedDuration) -> String {
    let ms = time.as_millis().unsigned_abs();
    let (s, whole_s) = (ms as f64 / 1000.0, ms / 1000);
    let two = |large: u128, large_unit: &str, small: u128, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        small => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match whole_s {
        0 if ms == 0 => "0 s".to_owned(),
        0 => format!("{ms} ms"),
        1..10 => format!("{s:.1} s"),
        10..60 => format!("{whole_s} s"),
        60..3600 => two(whole_s / 60, "min", whole_s % 60, "s"),
        3600..86_400 => two(whole_s / 3600, "h", whole_s % 3600 / 60, "min"),
        _ => two(whole_s / 86_400, "d", whole_s % 86_400 / 3600, "h"),
    }
}

/// Returns how long it is from one time to another.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> String {
    length(to.duration_since(from))
}

/// Returns whole seconds as a length of time.
pub(crate) fn of_s(s: u64) -> String {
    of_ms(s.saturating_mul(1_000))
}

/// Returns milliseconds as a length of time.
pub(crate) fn of_ms(ms: u64) -> String {
    length(SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX)))
}

/// Returns a number with three digits that mean something, and all of those before the point.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "no number".to_owned();
    }
    let text = match size {
        0.0 => return "0".to_owned(),
        _ if size >= 100.0 => return format!("{value:.0}"),
        _ if size >= 10.0 => format!("{value:.1}"),
        _ if size >= 1.0 => format!("{value:.2}"),
        _ if size >= 0.0001 => {
            let digits = (2 - size.log10().floor() as i32).unsigned_abs() as usize;
            format!("{value:.digits$}")
        }
        _ => return format!("{value:.2e}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_two_units_at_most() {
        let told = |ms| length(SignedDuration::from_millis(ms));
        for (ms, text) in [
            (0, "0 s"),
            (999, "999 ms"),
            (-1500, "1.5 s"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (200_000, "3 min 20 s"),
            (3_600_000, "1 h"),
            (5_400_000, "1 h 30 min"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(told(ms), text, "{ms}");
        }
    }

    #[test]
    fn numbers_have_three_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.005, "0.005"),
            (0.012_345, "0.0123"),
            (1.5, "1.5"),
            (12.34, "12.3"),
            (660.0, "660"),
            (123_456.7, "123457"),
            (-0.5, "-0.5"),
            (1e-9, "1.00e-9"),
            (f64::NAN, "no number"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
