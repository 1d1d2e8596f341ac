//! What a guard can see with the traffic that its canary gets.

use guard::{Alpha, At, Effect, Exposures, PairGuard, PairSettings, Short, detectable_rate};
use serde::Serialize;

use crate::{
    fence::{GuardSpec, Traffic},
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
    /// Whether it can see what it has to.
    pub is_enough: bool,
    /// The smallest rate of the canary that is seen with a chance of four in five: errors a request, or
    /// breaks a second of a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// How many times the stable rate that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
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
            let exposed = traffic.requests_per_second? * traffic.hold.seconds() as f64;
            ratio(spec, traffic, runbook.front.alpha, exposed, 1.0)
        }
        Measure::Disconnects => {
            let traffic = traffic?;
            let exposed = traffic.connections? * traffic.hold.seconds() as f64;
            ratio(spec, traffic, runbook.front.alpha, exposed, BREAKS_MAX)
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
    Detection { is_enough: true, rate: None, ratio: None, sentence }
}

fn ratio(
    spec: &GuardSpec,
    traffic: &Traffic,
    alpha: Alpha,
    exposed: f64,
    rate_max: f64,
) -> Option<Detection> {
    let (stable_rate, wanted) = (spec.stable_rate?.get(), spec.ratio?);
    let weight = traffic.weight_percent / 100.0;
    let is_sound = exposed.is_finite()
        && exposed > 0.0
        && weight > 0.0
        && (0.0..=rate_max).contains(&stable_rate);
    if !is_sound {
        return None;
    }
    let exposures = Exposures { canary: exposed * weight, stable: exposed * (1.0 - weight) };
    let target = Effect::new(wanted, 0.0).ok()?.rate(stable_rate).min(rate_max);
    let exact = detectable_rate(alpha, exposures, stable_rate, rate_max);
    let is_enough = exact.is_some_and(|rate| rate <= target * 1.001);
    let rate = exact.map(rounded);
    let ratio = exact.filter(|_| stable_rate > 0.0).map(|rate| rounded(rate / stable_rate));
    let sentence = match (rate, ratio) {
        (Some(rate), Some(ratio)) => {
            let percent = rate * 100.0;
            format!(
                "sees {ratio:.2} times the stable rate ({percent:.3} %); {} times matters",
                Short(wanted)
            )
        }
        (Some(rate), None) => format!("sees a rate of {:.3} %", rate * 100.0),
        (None, _) => format!("sees nothing with this traffic; {} times matters", Short(wanted)),
    };
    Some(Detection { is_enough, rate, ratio, sentence })
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
    };
    let mut guard = PairGuard::new(settings).ok()?;
    let mut least = None;
    for pair in 1..=pairs {
        guard.pair(At(pair.into()), 1.0, 1.0);
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
    Some(Detection { is_enough: least.is_some(), rate: None, ratio: None, sentence })
}
