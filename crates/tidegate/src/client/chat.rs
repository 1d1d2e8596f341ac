//! What a client asks of chat, and of a server's health.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Api, Refusal};

/// How long health may take; the server answers within a second.
const HEALTH_TIME_MAX: Duration = Duration::from_secs(5);

/// A message that the server has.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct SentMessage {
    /// Its identity.
    pub(crate) message_id: String,
    /// Its number in the thread.
    pub(crate) seq: u64,
}

#[derive(Deserialize)]
struct Made {
    thread_id: String,
}

#[derive(Deserialize)]
struct Threads {
    threads: Vec<Made>,
}

#[derive(Deserialize)]
struct Messages {
    messages: Vec<SentMessage>,
}

impl Api {
    /// Makes a private thread in a scope, and returns its id.
    ///
    /// # Errors
    /// Fails where the server refuses or can't be reached; it may have made it all the same.
    pub(crate) async fn make_thread(&self, scope: &str) -> Result<String, Refusal> {
        let body = json!({"scope_id": scope, "privacy_level": "private"});
        let made: Made = self.post_json("/v1/chat/threads", &body).await?;
        Ok(made.thread_id)
    }

    /// Returns the threads of a scope, a page of them.
    ///
    /// # Errors
    /// Fails where the server refuses or can't be reached.
    pub(crate) async fn threads_of(&self, scope: &str) -> Result<Vec<String>, Refusal> {
        let query =
            form_urlencoded::Serializer::new(String::new()).append_pair("scope_id", scope).finish();
        let page: Threads = self.get_json(&format!("/v1/chat/threads?{query}")).await?;
        Ok(page.threads.into_iter().map(|thread| thread.thread_id).collect())
    }

    /// Sends a message under a request's id.
    ///
    /// # Errors
    /// Fails where the server did not say that it has it; it may have it all the same.
    pub(crate) async fn send_message(
        &self,
        thread: &str,
        body: &str,
        request_id: &str,
    ) -> Result<SentMessage, Refusal> {
        let path = format!("/v1/chat/threads/{thread}/messages/send");
        self.post_json_once(&path, &json!({"body": body}), request_id).await
    }

    /// Returns the first messages of a thread, 200 at most.
    ///
    /// # Errors
    /// Fails where the server refuses or can't be reached.
    pub(crate) async fn messages_of(&self, thread: &str) -> Result<Vec<SentMessage>, Refusal> {
        let path = format!("/v1/chat/threads/{thread}/messages?after=0&limit=200");
        let page: Messages = self.get_json(&path).await?;
        Ok(page.messages)
    }

    /// Returns the server's health, whether it is well or not.
    ///
    /// # Errors
    /// Fails where the server can't be reached in time.
    pub(crate) async fn health(&self) -> Result<Value, Refusal> {
        self.get_whatever_status("/api/health", HEALTH_TIME_MAX).await
    }
}
