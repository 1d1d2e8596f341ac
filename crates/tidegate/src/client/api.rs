//! Requests with one answer: publishing, the ledger, what the server keeps.

use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXLOWER_PERMISSIVE;
use event::{Ledger, Position, RollingHash, Seq};
use serde::Deserialize;

use super::{Refusal, stream::StreamRequest};
use crate::{failure::Failure, target::Target};

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// How long an answer may take: the server waits 5 s for an earlier attempt under the same key.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);

/// A client of one server.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    http: reqwest::Client,
    target: Target,
}

/// What the server says about an event that it has.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Receipt {
    /// The event's identity.
    pub(crate) id: String,
    /// The event's place.
    pub(crate) cursor: String,
}

#[derive(Deserialize)]
struct LedgerBody {
    window_after: Place,
    first: u64,
    last: Place,
    count: u64,
    hash: String,
}

/// A position as JSON has it: its text.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Place(Position);

impl TryFrom<String> for Place {
    type Error = event::CursorError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Place)
    }
}

impl Api {
    /// Returns a client of this server.
    ///
    /// # Errors
    /// Fails where the machine has no working TLS.
    pub(crate) fn new(target: Target) -> Result<Self, Failure> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIME_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true);
        if is_loopback(&target) {
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| Failure::unreachable("no HTTP client").because(error))?;
        Ok(Api { http, target })
    }

    /// Returns the server's address.
    pub(crate) fn url(&self) -> &str {
        self.target.shown()
    }

    /// Publishes a body, one event or a list; returns a receipt for each event.
    ///
    /// # Errors
    /// Fails where the server did not say that it has them; it may have them all the same.
    pub(crate) async fn publish(
        &self,
        body: Bytes,
        idempotency_key: Option<&str>,
    ) -> Result<Vec<Receipt>, Refusal> {
        let listed = body.first() == Some(&b'[');
        let mut request = self.http.post(self.target.url("/api/events"));
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let request = request.header("content-type", "application/json").body(body);
        let answer = self.answer(request).await?;
        if listed {
            return self.parse(&answer);
        }
        self.parse(&answer).map(|receipt| vec![receipt])
    }

    /// Returns the account of the credential's own stream.
    ///
    /// # Errors
    /// Fails where the credential lacks the scope `admin`, or the server can't be reached.
    pub(crate) async fn ledger(&self) -> Result<Ledger, Refusal> {
        let url = self.target.url("/api/admin/ledger?stream=events");
        let body: LedgerBody = self.parse(&self.answer(self.http.get(url)).await?)?;
        let hash = HEXLOWER_PERMISSIVE.decode(body.hash.as_bytes()).ok();
        let hash = hash.and_then(|hash| <[u8; 32]>::try_from(hash).ok());
        Ok(Ledger {
            window_after: body.window_after.0,
            first: Seq(body.first),
            last: body.last.0,
            count: body.count,
            hash: RollingHash(hash.ok_or_else(|| self.garbled("the ledger's hash"))?),
        })
    }

    /// Returns how many events of a stream the server keeps, where its health says so.
    pub(crate) async fn window_events(&self) -> Option<u64> {
        let request = self.http.get(self.target.url("/api/health")).timeout(ANSWER_TIME_MAX);
        let body: serde_json::Value = request.send().await.ok()?.json().await.ok()?;
        body.pointer("/checks/realtime/replay_max_events")?.as_u64()
    }

    /// Opens a stream through the ordinary client.
    pub(super) async fn open_stream(
        &self,
        request: &StreamRequest,
    ) -> Result<reqwest::Response, Refusal> {
        let (name, value) = self.target.credential.header();
        let mut get = self.http.get(self.target.url(&request.path())).header(name, value);
        get = get.header("accept", "text/event-stream");
        if let Some(id) = &request.last_event_id {
            get = get.header("last-event-id", id);
        }
        let response = self.checked(get.send().await.map_err(|e| self.unreachable(e))?).await?;
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        if kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
            return Ok(response);
        }
        Err(self.garbled("something else than an event stream"))
    }

    /// Asks for another protocol on a connection of the ordinary client; returns the proof that the
    /// server read the key, and the connection.
    pub(super) async fn upgrade(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<(Option<String>, reqwest::Upgraded), Refusal> {
        let (name, value) = self.target.credential.header();
        let mut get = self.http.get(self.target.url(path)).header(name, value);
        for (name, value) in headers {
            get = get.header(*name, *value);
        }
        let response = get.send().await.map_err(|error| self.unreachable(error))?;
        if response.status() != reqwest::StatusCode::SWITCHING_PROTOCOLS {
            self.checked(response).await?;
            return Err(self.garbled("it did not agree to a WebSocket"));
        }
        let accept = response.headers().get("sec-websocket-accept");
        let accept = accept.and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        let upgraded = response.upgrade().await.map_err(|error| self.unreachable(error))?;
        Ok((accept, upgraded))
    }

    /// Asks for a document.
    pub(super) async fn get_json<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<T, Refusal> {
        self.parse(&self.answer(self.http.get(self.target.url(path))).await?)
    }

    /// Sends a document, and returns the answer's.
    pub(super) async fn post_json<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, Refusal> {
        let request = self.http.post(self.target.url(path)).body(body.to_string());
        let request = request.header("content-type", "application/json");
        self.parse(&self.answer(request).await?)
    }

    /// Sends a document that takes effect once under this key, and returns the answer's.
    pub(super) async fn post_json_once<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
        key: &str,
    ) -> Result<T, Refusal> {
        let request = self.http.post(self.target.url(path)).body(body.to_string());
        let request = request.header("content-type", "application/json");
        self.parse(&self.answer(request.header("idempotency-key", key)).await?)
    }

    /// Asks for a document that comes with an error status too.
    pub(super) async fn get_whatever_status<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        within: Duration,
    ) -> Result<T, Refusal> {
        let request = self.http.get(self.target.url(path)).timeout(within);
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        let body = response.bytes().await.map_err(|error| self.unreachable(error))?;
        self.parse(&body)
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Bytes, Refusal> {
        let (name, value) = self.target.credential.header();
        let request = request.header(name, value).timeout(ANSWER_TIME_MAX);
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        let response = self.checked(response).await?;
        response.bytes().await.map_err(|error| self.unreachable(error))
    }

    async fn checked(&self, response: reqwest::Response) -> Result<reqwest::Response, Refusal> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let after = after.map(ToOwned::to_owned);
        let body = response.bytes().await.unwrap_or_default();
        Err(Refusal::from_answer(status.as_u16(), after.as_deref(), &body))
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, body: &[u8]) -> Result<T, Refusal> {
        serde_json::from_slice(body).map_err(|error| self.garbled(&error.to_string()))
    }

    fn unreachable(&self, error: reqwest::Error) -> Refusal {
        // The address is in the message already.
        Refusal::unreachable(self.url(), error.without_url())
    }

    fn garbled(&self, what: &str) -> Refusal {
        Refusal::garbled(self.url(), what)
    }
}

/// Tells whether the server is on this machine, where no proxy can reach it.
fn is_loopback(target: &Target) -> bool {
    let host = target.base().host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|ip| ip.is_loopback())
}
