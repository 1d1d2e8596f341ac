//! Guards that look once a second: clients capped, evidence, verdict and its sentence.

use guard::{
    AGAIN_AFTER_MS, Alpha, At, ClientCounts, ClientLook, EXPOSURE_MIN, Effect, Exposed, RatioGuard,
    RatioSettings, Verdict,
};

use super::{Figures, GuardsArgs, Repeated, time};
use crate::error::BenchError;

/// One request in so many fails, on both arms.
const FAILS_ONE_IN: u32 = 200;

pub(super) struct Guards {
    args: GuardsArgs,
}

impl Guards {
    pub(super) fn new(args: &GuardsArgs) -> Self {
        Guards { args: args.clone() }
    }

    fn looks(&self) -> Result<Vec<Verdict>, BenchError> {
        let wrong = |error: &dyn std::fmt::Display| BenchError::Usage(error.to_string());
        let effect = Effect::new(10.0, 0.01).map_err(|error| wrong(&error))?;
        let one = |_| {
            RatioGuard::new(RatioSettings {
                guard: "errors".to_owned(),
                source: "bench".to_owned(),
                exposed: Exposed::Requests,
                alpha: Alpha::ONE_PERCENT,
                effect,
                exposure_min: EXPOSURE_MIN,
                again_after_ms: AGAIN_AFTER_MS,
                silent_ms_max: 60_000,
            })
        };
        let mut guards: Vec<RatioGuard> = (0..self.args.guards).map(one).collect();
        let mut verdicts = vec![Verdict::Insufficient; guards.len()];
        for look in 0..self.args.looks {
            let at = At(u64::from(look + 1) * 1000);
            let canary = clients(self.args.clients, look, 0);
            let stable = clients(self.args.clients, look, 1 << 32);
            let looked = ClientLook { canary: &canary, stable: &stable };
            for (guard, verdict) in guards.iter_mut().zip(&mut verdicts) {
                guard.observe_clients(at, &looked).map_err(|error| wrong(&error))?;
                *verdict = guard.judge(at).verdict;
            }
        }
        Ok(verdicts)
    }
}

/// Clients of which now this one fails and now that one, as often on either arm.
fn clients(count: u32, look: u32, from: u64) -> Vec<ClientCounts> {
    let fails = |client: u32| (look * count + client).is_multiple_of(FAILS_ONE_IN);
    let client = |client: u32| ClientCounts {
        client: from + u64::from(client),
        requests: 1,
        errors: u32::from(fails(client)),
    };
    (0..count).map(client).collect()
}

impl Repeated for Guards {
    fn once(&mut self) -> Result<Figures, BenchError> {
        let (verdicts, took) = time(|| self.looks());
        if verdicts?.contains(&Verdict::Fail) {
            let (server, what) = ("guards".to_owned(), "failed although both arms are equal");
            return Err(BenchError::Refused { server, what: what.to_owned() });
        }
        let looks = f64::from(self.args.guards) * f64::from(self.args.looks);
        let per_second = looks / took.cpu.as_secs_f64();
        let core_percent = 100.0 * f64::from(self.args.guards) / per_second;
        Ok(vec![
            ("looks_per_cpu_second", "looks /CPU-s", per_second),
            ("core_percent", "% of a core with a look a second", core_percent),
        ])
    }
}
