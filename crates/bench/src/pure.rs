//! Pure code of this workspace, measured in this process by its CPU time: no server is started.

mod analysis;
mod evidence;
mod guards;
mod journal;
mod runbooks;

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::{
    args::{AnalysisArgs, EvidenceArgs, GuardsArgs, JournalArgs, RunbooksArgs},
    bound::{Bound, Series, Verdict},
    error::BenchError,
    run::Outcome,
    stop::Stop,
    work::Watch,
};

/// What takes about so long, for the bar.
const LENGTH: Duration = Duration::from_secs(5);

/// A measurement of pure code.
#[derive(Debug)]
pub struct Pure(Work);

#[derive(Debug)]
enum Work {
    Guards(GuardsArgs),
    Evidence(EvidenceArgs),
    Runbooks(RunbooksArgs),
    Journal(JournalArgs),
    Analysis(AnalysisArgs),
}

/// What one repetition took.
#[derive(Clone, Copy, Debug)]
struct Took {
    cpu: Duration,
    wall: Duration,
}

/// What was measured, by name, with the unit; medians are taken of it.
type Figures = Vec<(&'static str, &'static str, f64)>;

/// A work that can be repeated.
trait Repeated {
    /// Does it once.
    ///
    /// # Errors
    /// Fails where the result is wrong.
    fn once(&mut self) -> Result<Figures, BenchError>;

    /// Returns what medians are held against, by their names.
    fn bounds(&self) -> &[(&'static str, Bound)] {
        &[]
    }
}

impl Pure {
    pub(crate) const fn guards(args: GuardsArgs) -> Self {
        Pure(Work::Guards(args))
    }

    pub(crate) const fn evidence(args: EvidenceArgs) -> Self {
        Pure(Work::Evidence(args))
    }

    pub(crate) const fn runbooks(args: RunbooksArgs) -> Self {
        Pure(Work::Runbooks(args))
    }

    pub(crate) const fn journal(args: JournalArgs) -> Self {
        Pure(Work::Journal(args))
    }

    pub(crate) const fn analysis(args: AnalysisArgs) -> Self {
        Pure(Work::Analysis(args))
    }

    /// Returns about how long it takes.
    pub const fn length(&self) -> Duration {
        LENGTH
    }

    /// Carries it out.
    ///
    /// # Errors
    /// Fails where a result is wrong, or it was stopped.
    pub fn run(&self, watch: &mut dyn Watch, stop: &Stop) -> Result<Outcome, BenchError> {
        match &self.0 {
            Work::Guards(args) => {
                let title = format!(
                    "{} guards, {} looks each, {} clients on each arm",
                    args.guards, args.looks, args.clients
                );
                let work = &mut guards::Guards::new(args);
                repeat(("guards", title, json!(args)), args.repeat, work, watch, stop)
            }
            Work::Evidence(args) => {
                let title = format!("{} entries, {} of them signed", args.entries, args.signed);
                let work = &mut evidence::Evidence::new(args)?;
                repeat(("evidence", title, json!(args)), args.repeat, work, watch, stop)
            }
            Work::Runbooks(args) => {
                let title = format!("{} known ones", runbooks::COUNT);
                let work = &mut runbooks::Runbooks;
                repeat(("runbooks", title, json!(args)), args.repeat, work, watch, stop)
            }
            Work::Journal(args) => {
                let title = format!("{} entries beside bare writes", args.entries);
                let work = &mut journal::Journals::new(args)?;
                repeat(("journal", title, json!(args)), args.repeat, work, watch, stop)
            }
            Work::Analysis(args) => {
                let title = format!(
                    "{} transactions read, {} transfers simulated, {} cycles solved",
                    args.transactions, args.transfers, args.cycles
                );
                let work = &mut analysis::Analysis::new(args);
                repeat(("analysis", title, json!(args)), args.repeat, work, watch, stop)
            }
        }
    }
}

fn repeat(
    (name, title, arguments): (&'static str, String, Value),
    times: u32,
    work: &mut dyn Repeated,
    watch: &mut dyn Watch,
    stop: &Stop,
) -> Result<Outcome, BenchError> {
    let began = Instant::now();
    let mut all: Vec<Figures> = Vec::new();
    for turn in 1..=times {
        stop.check()?;
        watch.tick("measuring", began.elapsed(), &format!("{turn}/{times}"));
        all.push(work.once()?);
    }
    let mut text = format!("{name}: {title}; medians of {times}\n");
    let (mut medians, mut verdicts) = (serde_json::Map::new(), Vec::new());
    for (index, (figure, unit, _)) in all[0].iter().enumerate() {
        let values = all.iter().map(|figures| figures[index].2).collect();
        let series = Series { values, ..Series::new(*figure, *unit) };
        text.push_str(&format!("{series}\n"));
        medians.insert(series.name.clone(), json!(series.median()));
        let bound = work.bounds().iter().find(|(name, _)| name == figure);
        verdicts.extend(bound.map(|(_, bound)| series.judge(*bound)));
    }
    for verdict in &verdicts {
        text.push_str(&format!("{verdict}\n"));
    }
    let passed = verdicts.iter().all(Verdict::holds);
    let document = json!({
        "work": name, "arguments": arguments, "passed": passed, "median": medians,
        "verdicts": verdicts,
    });
    Ok(Outcome { text, document, passed })
}

/// Measures this thread.
fn time<T>(work: impl FnOnce() -> T) -> (T, Took) {
    let cpu = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
    };
    let (began, before) = (Instant::now(), cpu());
    let done = work();
    (done, Took { cpu: cpu().saturating_sub(before), wall: began.elapsed() })
}
