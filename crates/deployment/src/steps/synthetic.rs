//! Events and messages that checks write themselves, under names that say so.

use serde_json::{Value, json};

use super::endpoint::Endpoint;
use crate::{
    Deployment, SecretText,
    http::{Answer, Question},
};

/// The event of a check.
pub(super) const EVENT: &str = "tidegate.check";

/// What the server says about an event that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    /// The event's identity.
    pub(super) id: String,
    /// Its place.
    pub(super) cursor: String,
}

/// Whom a check speaks as.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pub(super) key: Option<SecretText>,
    /// What its events say, so that nobody takes them for others'.
    pub(super) mark: String,
}

impl Deployment {
    /// Sends a document, and returns the answer's with its status.
    pub(super) async fn send(
        &self,
        (method, endpoint, path): (&str, &Endpoint, &str),
        key: Option<&SecretText>,
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let question = Question { key, json: body, ..Question::default() };
        let sent = self.http.ask(method, &format!("{}{path}", endpoint.url), question).await;
        sent.map_err(|error| error.to_string())
    }

    /// Publishes an event.
    ///
    /// # Errors
    /// Fails where the server does not say that it has it.
    pub(super) async fn publish(
        &self,
        endpoint: &Endpoint,
        writer: &Writer,
        number: usize,
    ) -> Result<Receipt, String> {
        let body = json!({"event": EVENT, "payload": {"check": writer.mark, "number": number}});
        let to = ("POST", endpoint, "/api/events");
        let answer = self.send(to, writer.key.as_ref(), Some(&body)).await?;
        if !answer.is_good() {
            let refusal = answer.refusal();
            return Err(format!("{} did not take an event: {refusal}", endpoint.name));
        }
        let said = answer.json()?;
        let text = |name: &str| said.get(name)?.as_str().map(ToOwned::to_owned);
        let receipt = text("id").zip(text("cursor"));
        let (id, cursor) = receipt.ok_or_else(|| {
            format!("{} took an event without saying its id and cursor", endpoint.name)
        })?;
        Ok(Receipt { id, cursor })
    }
}
