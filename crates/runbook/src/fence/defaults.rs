//! What a guard is where nothing else is said. It is written into the plan, so that an approval binds it.

use guard::{AGAIN_AFTER_MS, EXPOSURE_MIN, Share};

use super::{GuardSpec, Rate};
use crate::vocabulary::{Length, Measure};

/// The least rate of errors that matters.
const ERRORS_MIN: &str = "0.1%";

/// The least rate of breaks that matters: a connection breaks once in 28 hours.
const BREAKS_MIN: f64 = 1e-5;

/// The time from look to look, and how long no data may come.
const LOOK: &str = "1s";
const SILENCE: &str = "1m";

pub(super) fn look() -> Length {
    length(LOOK)
}

pub(super) fn silence() -> Length {
    length(SILENCE)
}

fn length(text: &str) -> Length {
    text.parse().unwrap_or_default()
}

/// Fills in what a guard's measure has a use for.
///
/// # Errors
/// Fails on what it has no use for, and on what makes no sense; the text says which.
pub(super) fn fill(spec: &mut GuardSpec) -> Result<(), String> {
    let id = &spec.id;
    let (is_errors, is_ratio) = match spec.measure {
        Measure::Errors => (true, true),
        Measure::Disconnects => (false, true),
        _ => (false, false),
    };
    for (name, is_there, has_use) in [
        ("rate_min", spec.rate_min.is_some(), is_ratio),
        ("exposure_min", spec.exposure_min.is_some(), is_ratio),
        ("again_after", spec.again_after.is_some(), is_errors),
    ] {
        if is_there && !has_use {
            return Err(format!("the guard {id} of `{}` has no use for `{name}`", spec.measure));
        }
    }
    let none = Length::default();
    if spec.look == none || spec.silence == none || spec.again_after == Some(none) {
        return Err(format!(
            "the guard {id}: `look`, `silence` and `again_after` are more than 0s"
        ));
    }
    if spec.silence < spec.look {
        return Err(format!("the guard {id} looks less often than `silence` allows"));
    }
    if spec.exposure_min == Some(0) {
        return Err(format!("`exposure_min` of the guard {id} is 1 or more"));
    }
    match (is_errors, spec.rate_min) {
        (true, Some(Rate::PerSecond(_))) => {
            return Err(format!("`rate_min` of the guard {id}: is a share, written with its sign"));
        }
        (false, Some(Rate::Share(_))) => {
            return Err(format!(
                "`rate_min` of the guard {id}: is a number of breaks for each second of a \
                 connection, and no share"
            ));
        }
        (false, Some(Rate::PerSecond(rate))) if !(0.0..=1.0).contains(&rate) => {
            return Err(format!("`rate_min` of the guard {id} lies between 0 and 1"));
        }
        _ => {}
    }
    if is_ratio {
        let least = || match ERRORS_MIN.parse::<Share>() {
            Ok(share) if is_errors => Rate::Share(share),
            _ => Rate::PerSecond(BREAKS_MIN),
        };
        spec.rate_min.get_or_insert_with(least);
        spec.exposure_min.get_or_insert(EXPOSURE_MIN as u32);
    }
    if is_errors {
        let again = format!("{}s", AGAIN_AFTER_MS / 1000);
        spec.again_after.get_or_insert_with(|| length(&again));
    }
    Ok(())
}
