//! What a guard can see with the traffic that its canary gets.

use guard::{
    Alpha, At, DETECTION_POWER, EXPOSURE_MIN, Effect, Exposed, Outlook, OutlookClients, PairGuard,
    PairSettings, ShortNumber, detectable_rate, passing_power,
};
use serde::Serialize;

use crate::{
    fence::{GuardSpec, Rate, Traffic},
    model::{Guard, Runbook},
    vocabulary::Measure,
};

/// The most pairs that a guard may ask for.
pub(crate) const PAIRS_MAX: u32 = 10_000;

/// The greatest rate of breaks that is looked for, for each second of a connection.
const BREAKS_MAX: f64 = 1.0;

/// What a guard can see.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detection {
    /// Whether it can see what it has to, and passes a good canary, each in four of five runs.
    pub is_enough: bool,
    /// The smallest rate of the canary that is seen with a chance of four in five: errors a request, or
    /// breaks a second of a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// How many times the stable rate that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// The chance that a canary as good as the stable arm passes by the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passes: Option<f64>,
    /// The same in words.
    pub sentence: String,
}

/// Returns what a guard can see; nothing where its settings are incomplete.
pub(crate) fn detection(runbook: &Runbook, guard: &Guard) -> Option<Detection> {
    let spec = &guard.spec;
    let traffic = spec.watch.as_ref().and_then(|id| runbook.step(id)?.traffic.as_ref());
    match spec.measure {
        Measure::Errors => {
            let traffic = traffic?;
            ratio(
                spec,
                traffic,
                runbook.front.alpha,
                traffic.requests_per_second?,
                Exposed::Requests,
            )
        }
        Measure::Disconnects => {
            let traffic = traffic?;
            // Each connection is exposed for a second in each second.
            let (alpha, exposed) = (runbook.front.alpha, Exposed::ConnectionSeconds);
            ratio(spec, traffic, alpha, traffic.connections?, exposed)
        }
        Measure::Latency => pairs(spec, runbook.front.alpha),
        Measure::Zero => Some(certain(format!("sees one {}", spec.what.as_ref()?))),
        Measure::Down => Some(certain(format!("sees it away for more than {}", spec.within?))),
        Measure::Restarts => {
            let text =
                format!("sees more than {} restarts within {}", spec.restarts?, spec.within?);
            Some(certain(text))
        }
    }
}

fn certain(sentence: String) -> Detection {
    Detection { is_enough: true, rate: None, ratio: None, passes: None, sentence }
}

fn ratio(
    spec: &GuardSpec,
    traffic: &Traffic,
    alpha: Alpha,
    exposure_per_second: f64,
    exposed: Exposed,
) -> Option<Detection> {
    let (stable_rate, wanted) = (spec.stable_rate?.get(), spec.ratio?);
    let rate_max = exposed.rate_max().min(BREAKS_MAX);
    let share = traffic.weight_percent / 100.0;
    let is_sound = exposure_per_second.is_finite()
        && exposure_per_second > 0.0
        && share > 0.0
        && (0.0..=rate_max).contains(&stable_rate);
    if !is_sound {
        return None;
    }
    let outlook = Outlook {
        exposure_per_second,
        share,
        seconds: traffic.hold.seconds() as f64,
        look_s: spec.look.seconds() as f64,
        exposure_min: spec.exposure_min.map_or(EXPOSURE_MIN, f64::from),
        clients: traffic.clients.zip(spec.again_after).map(|(count, again_after)| OutlookClients {
            count,
            again_after_s: again_after.seconds() as f64,
        }),
    };
    let effect = Effect::new(wanted, spec.rate_min.map_or(0.0, Rate::get)).ok()?;
    let target = effect.rate(stable_rate).min(rate_max);
    let exact = detectable_rate(alpha, &outlook, stable_rate, rate_max);
    let passing = passing_power(alpha, effect, &outlook, stable_rate);
    let is_enough = exact.is_some_and(|rate| rate <= target * 1.001) && passing >= DETECTION_POWER;
    let rate = exact.map(rounded);
    let ratio = exact.filter(|_| stable_rate > 0.0).map(|rate| rounded(rate / stable_rate));
    let shown = |rate| exposed.shown(rate);
    let sees = match (rate, ratio) {
        (Some(rate), Some(ratio)) => {
            format!("sees {ratio:.2} times the stable rate ({})", shown(rate))
        }
        (Some(rate), None) => format!("sees a rate of {}", shown(rate)),
        (None, _) => "sees nothing with this traffic".to_owned(),
    };
    let matters = if stable_rate > 0.0 && target > effect.rate_min() {
        format!("{} times matters", ShortNumber(wanted))
    } else {
        format!("{} matters", shown(target))
    };
    let passes = (passing * 100.0).floor() / 100.0;
    let good = format!("passes {:.0} of 100 good canaries", passes * 100.0);
    let sentence = format!("{sees} and {good}; {matters}");
    Some(Detection { is_enough, rate, ratio, passes: Some(passes), sentence })
}

/// Returns a number with three digits: the last ones of a logarithm are not the same on every machine,
/// and the plan's digest has to be.
fn rounded(number: f64) -> f64 {
    format!("{number:.2e}").parse().unwrap_or(number)
}

/// Pairs can tell something as soon as all of them on one side would be evidence; how small a
/// slowdown that is depends on their noise, which only the run shows.
fn pairs(spec: &GuardSpec, alpha: Alpha) -> Option<Detection> {
    let (pairs, margin) = (spec.pairs?.min(PAIRS_MAX), spec.ratio?);
    let settings = PairSettings {
        guard: spec.id.clone(),
        source: spec.source.clone(),
        unit: "ms".to_owned(),
        alpha,
        margin,
        silent_ms_max: u64::MAX,
    };
    let mut guard = PairGuard::new(settings).ok()?;
    let mut least = None;
    for pair in 1..=pairs {
        guard.observe(At(pair.into()), 1.0, 1.0);
        if guard.bounds().0.is_some() {
            least = Some(pair);
            break;
        }
    }
    let sentence = match least {
        Some(least) => format!(
            "sees medians more than {margin} times apart, from {least} pairs on as far as {pairs} \
             are steady enough"
        ),
        None => format!("sees nothing with {pairs} pairs"),
    };
    Some(Detection { is_enough: least.is_some(), rate: None, ratio: None, passes: None, sentence })
}
