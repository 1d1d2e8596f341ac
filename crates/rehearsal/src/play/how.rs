//! How a rehearsal was played, for whoever reads its evidence: what was scaled, what was made wrong on
//! purpose, what stood in for people and for programs, what was waived. Pure.

use std::collections::BTreeMap;

use evidence::Hash;
use runbook::{Kind, Plan};
use serde::Serialize;
use serde_json::Value;

use super::{Act, Check, Deciders, LoadScript, PlaySettings, StackScript, breaking::Broken};
use crate::baseline::masked;

/// How a rehearsal was played.
#[derive(Debug, Serialize)]
pub(super) struct How<'a> {
    /// Of the script, as it was read.
    script: Option<Hash>,
    environment: Option<&'a str>,
    /// How many times as fast waiting times passed.
    pace: f64,
    within_s: u64,
    stack: StackScript,
    load: LoadScript,
    made_wrong_on_purpose: Wrong<'a>,
    /// Who approved and decided.
    decided_by: Deciders,
    stand_ins: Vec<StoodIn<'a>>,
    /// Steps of which a stand-in said that they are so without looking.
    only_said: Vec<&'a str>,
    replaced: Vec<Replaced<'a>>,
    waived: &'a BTreeMap<String, String>,
    /// Guards that were not looked for.
    unseen: &'a BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct Wrong<'a> {
    candidate: Option<&'a str>,
    /// The guard that had to see it.
    seen_by: Option<&'a str>,
    around: Option<Broken>,
}

#[derive(Debug, Serialize)]
struct StoodIn<'a> {
    step: &'a str,
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    act: Option<Act>,
    check: Vec<Check>,
}

#[derive(Debug, Serialize)]
struct Replaced<'a> {
    step: &'a str,
    planned: &'a [Vec<String>],
    instead: &'a [Vec<String>],
    why: &'a str,
}

impl<'a> How<'a> {
    /// Returns how a rehearsal was played in which this was broken.
    pub(super) fn of(settings: &'a PlaySettings, broken: Option<Broken>) -> Self {
        let (script, plan) = (&settings.script, &settings.plan);
        let times = settings.pace.times();
        let own = script.stack.settings.clone();
        How {
            script: script.digest(),
            environment: plan.environment.as_deref(),
            pace: times,
            within_s: script.within_at(times).as_secs(),
            stack: StackScript { settings: masked(own), ..script.stack.clone() },
            load: script.load,
            made_wrong_on_purpose: Wrong {
                candidate: settings.inject.as_deref(),
                seen_by: script.seen_by.as_deref(),
                around: broken,
            },
            decided_by: settings.deciders,
            stand_ins: stand_ins(settings),
            only_said: only_said(settings, plan),
            replaced: replaced(settings, plan),
            waived: &script.waive,
            unseen: &script.unseen,
        }
    }

    /// Returns it as it is written down.
    pub(super) fn value(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }
}

fn stand_ins(settings: &PlaySettings) -> Vec<StoodIn<'_>> {
    let steps = settings.script.steps.iter();
    let stood_in = steps.filter(|(_, step)| step.act.is_some() || !step.check.is_empty());
    let shown = stood_in.map(|(id, it)| StoodIn {
        step: id,
        act: it.act.as_ref().map(Act::shown),
        check: it.check.iter().map(Check::shown).collect(),
    });
    shown.collect()
}

fn only_said<'a>(settings: &'a PlaySettings, plan: &'a Plan) -> Vec<&'a str> {
    let is_looked_at = |id: &String| {
        let step = settings.script.steps.get(id);
        step.is_some_and(|step| step.act.is_some() || !step.check.is_empty())
    };
    let words = plan.all_steps().filter(|step| {
        let is_word = matches!(step.kind, Kind::SignOff | Kind::External | Kind::Decision);
        // What takes a canary's share back is a withdrawal without anybody's word.
        step.carried_out && is_word && step.undoes.is_none() && !is_looked_at(&step.id)
    });
    words.map(|step| step.id.as_str()).collect()
}

fn replaced<'a>(settings: &'a PlaySettings, plan: &'a Plan) -> Vec<Replaced<'a>> {
    let replaced = settings.script.steps.iter().filter_map(|(id, step)| {
        let planned = plan.all_steps().find(|planned| planned.id == *id)?;
        let why = step.why.as_deref()?;
        Some(Replaced {
            step: id,
            planned: &planned.content.commands,
            instead: step.instead.as_deref().unwrap_or_default(),
            why,
        })
    });
    replaced.collect()
}
