//! Requests with bounded answers.
//!
//! Owns: the client, and how a failure is told without the parts of an address that may be secrets.
//! Must not know: what is asked for.

pub(crate) mod events;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::{Response, StatusCode, header::HeaderMap, redirect::Policy};
use serde_json::Value;

use crate::SecretText;

/// How long a connection may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);

/// How long an answer may take.
pub(crate) const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// The longest answer that is taken.
pub(crate) const ANSWER_BYTES_MAX: usize = 8 << 20;

/// Asks servers.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// When its head came.
    pub(crate) at: Timestamp,
    /// From the request to the end of its body.
    pub(crate) took: Duration,
}

/// A question to a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Question<'a> {
    /// The key.
    pub(crate) key: Option<&'a SecretText>,
    /// A document to send.
    pub(crate) json: Option<&'a Value>,
    /// Other headers.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    /// How long the answer may take; the usual time where it does not say so.
    pub(crate) within: Option<Duration>,
}

/// A request without an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HttpError {
    /// Nobody is there, or does not answer.
    #[error("{at} does not answer: {why}")]
    Unreachable {
        /// Its address, without what may be secret.
        at: String,
        /// Why.
        why: String,
    },
    /// Its answer has no end.
    #[error("{at} answered with more than {ANSWER_BYTES_MAX} bytes")]
    TooLong {
        /// Its address, without what may be secret.
        at: String,
    },
    /// It answered with something else than was asked for.
    #[error("{at} {what}")]
    Garbled {
        /// Its address, without what may be secret.
        at: String,
        /// What.
        what: String,
    },
    /// No client can be made.
    #[error("no HTTP client can be made: {0}")]
    Client(String),
}

impl Answer {
    /// Returns whether its status is 2xx.
    pub(crate) fn is_good(&self) -> bool {
        self.status.is_success()
    }

    /// Returns its document.
    pub(crate) fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.body)
            .map_err(|error| format!("its answer is no JSON: {error}"))
    }

    /// Says what an error status came with, shortly.
    pub(crate) fn refusal(&self) -> String {
        let said = self.json().ok();
        let message = said.as_ref().and_then(|said| said.pointer("/error/message")?.as_str());
        message.map_or_else(|| self.status.to_string(), |it| format!("{}: {it}", self.status))
    }
}

impl Client {
    /// Returns a client. Each request has a connection of its own, so that none is sent to where an
    /// earlier one went.
    pub(crate) fn new() -> Result<Self, HttpError> {
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIME_MAX)
            .redirect(Policy::none())
            .pool_max_idle_per_host(0)
            .tcp_nodelay(true)
            .no_proxy();
        let http = builder.build().map_err(|error| HttpError::Client(error.to_string()))?;
        Ok(Client { http })
    }

    /// Asks for a document.
    pub(crate) async fn get(&self, url: &str) -> Result<Answer, HttpError> {
        self.ask("GET", url, Question::default()).await
    }

    /// Asks.
    pub(crate) async fn ask(
        &self,
        method: &str,
        url: &str,
        question: Question<'_>,
    ) -> Result<Answer, HttpError> {
        let began = Instant::now();
        let within = question.within.unwrap_or(ANSWER_TIME_MAX);
        let asked = async {
            let response = self.send(method, url, &question).await?;
            let (status, headers, at) =
                (response.status(), response.headers().clone(), Timestamp::now());
            let body = body_of(response, url).await?;
            Ok(Answer { status, headers, body, at, took: began.elapsed() })
        };
        let late = || HttpError::Unreachable {
            at: place(url),
            why: format!("nothing whole came within {} s", within.as_secs_f64()),
        };
        tokio::time::timeout(within, asked).await.unwrap_or_else(|_| Err(late()))
    }

    async fn send(
        &self,
        method: &str,
        url: &str,
        question: &Question<'_>,
    ) -> Result<Response, HttpError> {
        let method = method.parse().map_err(|_| garbled(url, "can't be asked that way"))?;
        let mut request = self.http.request(method, url);
        if let Some(key) = question.key {
            request = request.header("x-api-key", key.expose());
        }
        for (name, value) in question.headers {
            request = request.header(*name, *value);
        }
        if let Some(json) = question.json {
            request = request.header("content-type", "application/json").body(json.to_string());
        }
        request.send().await.map_err(|error| unreachable(url, error))
    }
}

async fn body_of(mut response: Response, url: &str) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(|error| unreachable(url, error))? {
        if body.len() + bytes.len() > ANSWER_BYTES_MAX {
            return Err(HttpError::TooLong { at: place(url) });
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

/// Returns what of an address may be shown: no user, no query; of what is no address nothing.
pub(crate) fn place(url: &str) -> String {
    let Ok(mut url) = reqwest::Url::parse(url) else { return "an address that is none".to_owned() };
    let _no_host = url.set_username("");
    let _no_host = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.as_str().trim_end_matches('/').to_owned()
}

fn garbled(url: &str, what: &str) -> HttpError {
    HttpError::Garbled { at: place(url), what: what.to_owned() }
}

fn unreachable(url: &str, error: reqwest::Error) -> HttpError {
    let error = error.without_url();
    // The innermost cause is what a person can act on.
    let causes =
        std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let why = causes.last().map_or_else(String::new, ToString::to_string);
    HttpError::Unreachable { at: place(url), why }
}
