//! Whether a step took effect, of which nobody knows what came of it. Nothing is changed here.

use conductor::{Effect, Found, Work};
use runbook::{Class, Kind};
use traffic::{Weight, chain};

use crate::{Deployment, TrafficMove};

impl Deployment {
    pub(crate) async fn find(&self, work: &Work) -> Found {
        let step = &work.step;
        if step.class == Class::Observe {
            return no("It changes nothing, and is looked at again.");
        }
        match step.kind {
            Kind::Flag => self.find_flags(work).await,
            Kind::Traffic => self.find_share(work).await,
            Kind::External => self.find_external(work).await,
            Kind::Cleanup if step.content.commands.is_empty() => {
                no("What is left to be taken away is looked for again.")
            }
            Kind::FanoutCheck | Kind::ReplayCheck => {
                no("It writes events of its own alone, and can be done again.")
            }
            Kind::Capture | Kind::Compare | Kind::HttpExpect | Kind::SseExpect => {
                no("It is looked at again.")
            }
            Kind::Notify => unclear("Whether people were told can't be told from here."),
            Kind::Command | Kind::Cleanup => {
                unclear("What the programs did can't be told from here; look, and attest it.")
            }
            Kind::Guard | Kind::SignOff | Kind::Decision | Kind::Repeat => {
                no("Nothing of it is carried out here.")
            }
        }
    }

    async fn find_flags(&self, work: &Work) -> Found {
        let settings = match self.resolved(&work.step.content.flags) {
            Ok(settings) => settings,
            Err(why) => return unclear(format!("{why}.")),
        };
        match self.settings_hold(&settings).await {
            Ok(where_seen) => yes(format!("The settings are so {where_seen}.")),
            Err(why) => no(format!("{why}.")),
        }
    }

    async fn find_share(&self, work: &Work) -> Found {
        let planned = work.step.traffic.as_ref().map(|it| Weight::from_percent(it.weight_percent));
        match planned {
            Some(Ok(Weight::NONE)) => self.find_weight(Weight::NONE).await,
            // To give the same share again changes nothing, and its time begins anew.
            Some(Ok(weight)) => {
                let Found { effect, text } = self.find_weight(weight).await;
                match effect {
                    Effect::Yes => {
                        no(format!("{text} For how long is not known: it is held anew."))
                    }
                    _ => found(effect, text),
                }
            }
            _ => unclear("It does not say how much traffic."),
        }
    }

    async fn find_weight(&self, weight: Weight) -> Found {
        let Some(router) = self.router() else { return unclear("There is no router to look at.") };
        let seen = match router.observe().await {
            Ok(seen) => seen,
            Err(error) => return unclear(format!("{}.", chain(&error))),
        };
        let found = seen.weight_in_effect();
        let left = seen.canary.open;
        if found != weight {
            return no(format!("The canary has {found} of the clients and not {weight}."));
        }
        if weight == Weight::NONE && left > 0 {
            return no(format!(
                "The canary has no share, but {left} requests and streams are on it."
            ));
        }
        yes(format!("The canary has {found} of the clients."))
    }

    async fn find_external(&self, work: &Work) -> Found {
        let Some(external) = self.external(&work.step) else {
            return unclear("A person does this, and knows what came of it.");
        };
        let moved = match external.traffic {
            Some(TrafficMove::Withdraw) => Some(self.find_weight(Weight::NONE).await),
            Some(TrafficMove::Give(weight)) => Some(self.find_weight(weight).await),
            None => None,
        };
        if let Some(moved) = moved
            && (moved.effect != Effect::Yes || !external.acts)
        {
            return moved;
        }
        match self.hands.is_done(&work.step).await {
            Ok(true) => yes("It is so, as was looked at."),
            Ok(false) => no("It is not so, as was looked at."),
            Err(error) => unclear(format!("Whether it is so can't be told: {error}.")),
        }
    }
}

fn found(effect: Effect, text: impl Into<String>) -> Found {
    Found { effect, text: text.into() }
}

fn yes(text: impl Into<String>) -> Found {
    found(Effect::Yes, text)
}

fn no(text: impl Into<String>) -> Found {
    found(Effect::No, text)
}

fn unclear(text: impl Into<String>) -> Found {
    found(Effect::Unclear, text)
}
