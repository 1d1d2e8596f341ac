//! Runbooks checked and planned: the known ones, each from its text.

use runbook::{Options, Problem, lint, plan};

use super::{Figures, Repeated, time};
use crate::error::BenchError;

const DOCUMENTS: [(&str, &str); 5] = [
    ("ws3-sse-broker", include_str!("../../../../runbooks/ws3-sse-broker.run.md")),
    ("ws3-redis-cutover", include_str!("../../../../runbooks/ws3-redis-cutover.run.md")),
    ("runtime-cutover", include_str!("../../../../runbooks/runtime-cutover.run.md")),
    ("rollback-rehearsal", include_str!("../../../../runbooks/rollback-rehearsal.run.md")),
    (
        "step22-production-cutover",
        include_str!("../../../../runbooks/step22-production-cutover.run.md"),
    ),
];

/// How many documents there are.
pub(super) const COUNT: usize = DOCUMENTS.len();

pub(super) struct Runbooks;

impl Repeated for Runbooks {
    fn once(&mut self) -> Result<Figures, BenchError> {
        let options = Options::default();
        let (mut lint_ms, mut plan_ms) = (0.0_f64, 0.0_f64);
        for (name, text) in DOCUMENTS {
            let (problems, linted) = time(|| lint(text, &options));
            let (planned, took) = time(|| plan(text, &options));
            if problems.iter().any(Problem::is_fault) || planned.plan.is_none() {
                let (server, what) = ("runbooks".to_owned(), format!("{name} has faults"));
                return Err(BenchError::Refused { server, what });
            }
            lint_ms = lint_ms.max(linted.cpu.as_secs_f64() * 1000.0);
            plan_ms = plan_ms.max(took.cpu.as_secs_f64() * 1000.0);
        }
        Ok(vec![
            ("lint_ms", "CPU-ms for lint of the slowest", lint_ms),
            ("plan_ms", "CPU-ms for plan of the slowest", plan_ms),
        ])
    }
}
