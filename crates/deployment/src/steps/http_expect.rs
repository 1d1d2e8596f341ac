//! Answers that have to be so: at the service and at every replica that has traffic, or at an address.

use conductor::{Done, Work};
use futures_util::future::join_all;
use runbook::Content;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    check::{TimeBound, faults},
    document,
    endpoint::{Endpoint, until_holds},
    error, fail, pass, with,
};
use crate::{
    Deployment, SecretText,
    http::{ANSWER_TIME_MAX, Question},
};

/// What a step leaves behind.
pub(super) const ANSWERS: &str = "answers.json";

/// An answer as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KeptAnswer {
    /// Who gave it.
    pub(super) of: String,
    /// To which path or address.
    pub(super) target: String,
    /// When it came.
    pub(super) at: String,
    /// How long it took.
    pub(super) took_ms: u64,
    /// Its status.
    pub(super) status: u16,
    /// Its document; a text where it is none.
    pub(super) body: Value,
}

/// What an answer has to be.
struct Expected<'a> {
    content: &'a Content,
    bounds: Vec<TimeBound>,
    key: Option<SecretText>,
}

impl Deployment {
    pub(super) async fn http_expect(&self, work: &Work, until: Instant) -> Done {
        let content = &work.step.content;
        if content.targets.is_empty() {
            return error("It names no path and no address to ask; write one as code.");
        }
        let bounds = content.bounds.iter().map(|text| TimeBound::parse(text));
        let bounds = match bounds.collect::<Result<Vec<_>, _>>() {
            Ok(bounds) => bounds,
            Err(why) => return error(format!("{why}.")),
        };
        let key = match self.key() {
            Ok(key) => key,
            Err(why) => return error(format!("{why}.")),
        };
        let asked = match self.asked(&content.targets).await {
            Ok(asked) => asked,
            Err(why) => return error(format!("{why}.")),
        };
        let expected = Expected { content, bounds, key };
        let tried = asked.iter().map(|(of, target)| {
            until_holds(&of.name, until, || self.expect_one(of, target, &expected))
        });
        let (mut kept, mut faults) = (Vec::new(), Vec::new());
        for tried in join_all(tried).await {
            match tried {
                Ok(answer) => kept.push(answer),
                Err(why) => faults.push(why),
            }
        }
        let artefacts = if kept.is_empty() { Vec::new() } else { vec![document(ANSWERS, &kept)] };
        if faults.is_empty() {
            return with(pass(format!("All {} answers are as expected.", kept.len())), artefacts);
        }
        with(fail(format!("{}.", faults.join("; "))), artefacts)
    }

    /// Returns whom to ask for what.
    pub(super) async fn asked(
        &self,
        targets: &[String],
    ) -> Result<Vec<(Endpoint, String)>, String> {
        let mut asked = Vec::new();
        let endpoints = self.endpoints().await?;
        for target in targets {
            if target.starts_with('/') {
                asked.extend(endpoints.iter().map(|of| (of.clone(), target.clone())));
            } else {
                let of = Endpoint { name: crate::http::place(target), url: String::new() };
                asked.push((of, target.clone()));
            }
        }
        Ok(asked)
    }

    /// Asks once and keeps the answer, whatever it is.
    pub(super) async fn ask_one(
        &self,
        of: &Endpoint,
        target: &str,
        key: Option<&SecretText>,
    ) -> Result<KeptAnswer, String> {
        // The key is for the service, and for nobody else.
        let key = key.filter(|_| !of.url.is_empty());
        let question = Question { key, within: Some(ANSWER_TIME_MAX), ..Question::default() };
        let answer = self.http.ask("GET", &format!("{}{target}", of.url), question).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let body = answer
            .json()
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&answer.body).into_owned()));
        Ok(KeptAnswer {
            of: of.name.clone(),
            target: target.to_owned(),
            at: answer.at.to_string(),
            took_ms: u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
            status: answer.status.as_u16(),
            body,
        })
    }

    async fn expect_one(
        &self,
        of: &Endpoint,
        target: &str,
        expected: &Expected<'_>,
    ) -> Result<KeptAnswer, String> {
        let answer = self.ask_one(of, target, expected.key.as_ref()).await?;
        let Expected { content, bounds, .. } = expected;
        let mut wrong = Vec::new();
        if !(200..300).contains(&answer.status) {
            wrong.push(format!("the status is {}", answer.status));
        }
        let needs_json = !content.assertions.is_empty() || !content.fields.is_empty();
        if needs_json && !answer.body.is_object() && !answer.body.is_array() {
            wrong.push("the answer is no JSON".to_owned());
        } else {
            wrong.extend(faults(&answer.body, &content.assertions, &content.fields));
        }
        let took = std::time::Duration::from_millis(answer.took_ms);
        wrong.extend(bounds.iter().filter_map(|bound| bound.fault(took)));
        if wrong.is_empty() {
            return Ok(answer);
        }
        let place = if of.url.is_empty() { String::new() } else { format!("{target} of ") };
        Err(format!("{place}{}: {}", of.name, wrong.join(", ")))
    }
}
