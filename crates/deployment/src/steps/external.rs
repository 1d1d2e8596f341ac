//! What is done outside of the deployment, where its environment does it.

use conductor::{Done, Work};
use guard::Verdict;
use runbook::{Kind, PlannedStep};
use tokio::time::{Instant, timeout_at};
use traffic::Weight;

use super::{error, pass, with};
use crate::{Artefacts, Deployment, External, TrafficMove};

impl Deployment {
    /// Returns what is done for a step of the kind `external`; nothing where people see to it. What
    /// takes a step back that gave a canary a share is a withdrawal, where nothing else is said.
    pub(crate) fn external(&self, step: &PlannedStep) -> Option<External> {
        if step.kind != Kind::External {
            return None;
        }
        let moved = step.undoes.as_ref().filter(|id| self.traffic_steps.contains(*id));
        let own = moved.map(|_| External { traffic: Some(TrafficMove::Withdraw), acts: false });
        self.hands.external(step).or(own.filter(|_| self.router().is_some()))
    }

    pub(super) async fn external_action(&self, work: &Work, until: Instant) -> Done {
        let Some(External { traffic, acts }) = self.external(&work.step) else {
            return error("A person does this; there is nothing for it in the environment's file.");
        };
        let (mut texts, mut artefacts) = (Vec::new(), Artefacts::new());
        if traffic == Some(TrafficMove::Withdraw) {
            let done = self.withdraw_canary(work, until).await;
            texts.push(done.text.clone());
            artefacts.extend(done.artefacts);
            // What follows takes the canary away as well: it is done all the same.
            if done.verdict != Verdict::Pass && !acts {
                return Done { verdict: done.verdict, text: done.text, artefacts };
            }
            if acts && done.verdict != Verdict::Pass {
                let acted = self.act(work, until).await;
                let text = format!("{} {}", done.text, acted.text);
                artefacts.extend(acted.artefacts);
                return Done { verdict: done.verdict, text, artefacts };
            }
        }
        if acts {
            let acted = self.act(work, until).await;
            texts.push(acted.text);
            artefacts.extend(acted.artefacts);
            if acted.verdict != Verdict::Pass {
                return Done { verdict: acted.verdict, text: texts.join(" "), artefacts };
            }
        }
        if let Some(TrafficMove::Give(weight)) = traffic {
            match self.give(weight, until).await {
                Ok(text) => texts.push(text),
                Err(done) => return with(done, artefacts),
            }
        }
        with(pass(texts.join(" ")), artefacts)
    }

    pub(super) async fn act(&self, work: &Work, until: Instant) -> Done {
        match timeout_at(until, self.hands.act(&work.step)).await {
            Ok(Ok(acted)) => with(pass(acted.text), acted.artefacts),
            Ok(Err(failed)) => with(error(format!("{}.", failed.text)), failed.artefacts),
            Err(_) => error("What is done for it did not end in the step's time."),
        }
    }

    async fn give(&self, weight: Weight, until: Instant) -> Result<String, Done> {
        let Some(router) = self.router() else {
            return Err(error("There is no router; add [router] to the environment's file."));
        };
        self.assign(router, weight, until).await?;
        Ok(format!("The canary has {weight} of the clients."))
    }
}
