//! Requests to replicas and to the router, each on a connection of its own.

use std::{net::SocketAddr, time::Duration};

use guard::Arm;
use reqwest::{Method, RequestBuilder, Response, header::HeaderMap};
use serde_json::Value;

/// How long an answer may take.
pub(crate) const ANSWER: Duration = Duration::from_secs(10);

/// Most bytes of an answer.
const BYTES_MAX: usize = 16 << 20;

/// The header in which the router says which arm answered.
pub(crate) const ARM: &str = "x-tidegate-arm";

/// Asks; a connection is used once, so that each request goes where the router says now.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) arm: Option<Arm>,
    /// After how many seconds to come again, where it says so.
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("no answer: {0}")]
    Broken(#[source] reqwest::Error),
    #[error("an answer of more than {BYTES_MAX} bytes")]
    TooLarge,
}

/// Something to ask for.
#[derive(Clone, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) path: &'a str,
    pub(crate) key: Option<&'a str>,
    /// JSON to post.
    pub(crate) body: Option<String>,
    pub(crate) idempotency_key: Option<&'a str>,
}

impl<'a> Ask<'a> {
    pub(crate) fn get(path: &'a str, key: Option<&'a str>) -> Self {
        Ask { path, key, body: None, idempotency_key: None }
    }

    pub(crate) fn post(path: &'a str, key: &'a str, body: String) -> Self {
        Ask { path, key: Some(key), body: Some(body), idempotency_key: None }
    }
}

impl Http {
    pub(crate) fn new() -> Self {
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
        let client = client.timeout(ANSWER).redirect(reqwest::redirect::Policy::none());
        Http { client: client.build().expect("nothing in it can fail without TLS of its own") }
    }

    pub(crate) async fn ask(&self, at: SocketAddr, ask: Ask<'_>) -> Result<Answer, NoAnswer> {
        let answer = self.request(at, ask).send().await.map_err(NoAnswer::Broken)?;
        read(answer).await
    }

    /// Gets something that is JSON; null where it is none.
    pub(crate) async fn json(&self, at: SocketAddr, path: &str) -> Result<Value, NoAnswer> {
        let answer = self.ask(at, Ask::get(path, None)).await?;
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    fn request(&self, at: SocketAddr, ask: Ask<'_>) -> RequestBuilder {
        let method = if ask.body.is_some() { Method::POST } else { Method::GET };
        let mut request = self.client.request(method, format!("http://{at}{}", ask.path));
        if let Some(key) = ask.key {
            request = request.header("x-api-key", key);
        }
        if let Some(key) = ask.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        match ask.body {
            Some(body) => request.header("content-type", "application/json").body(body),
            None => request,
        }
    }
}

async fn read(mut answer: Response) -> Result<Answer, NoAnswer> {
    let status = answer.status().as_u16();
    let arm = text(answer.headers(), ARM).and_then(arm_of);
    let retry_after = text(answer.headers(), "retry-after").and_then(|text| text.parse().ok());
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(NoAnswer::Broken)? {
        body.extend_from_slice(&piece);
        if body.len() > BYTES_MAX {
            return Err(NoAnswer::TooLarge);
        }
    }
    Ok(Answer { status, arm, retry_after, body })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Reads the name of an arm.
pub(crate) fn arm_of(text: &str) -> Option<Arm> {
    match text.trim() {
        "canary" => Some(Arm::Canary),
        "stable" => Some(Arm::Stable),
        _ => None,
    }
}
