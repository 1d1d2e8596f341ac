//! A WebSocket that listens: subscriptions to heads and to pending transactions.

use std::{fmt, sync::Arc, time::Duration};

use alloy_primitives::{B256, U64};
use data_encoding::BASE64;
use futures_util::{SinkExt, StreamExt};
use rustls_platform_verifier::BuilderVerifierExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::header::{AUTHORIZATION, HeaderValue},
        protocol::WebSocketConfig,
    },
};

use super::{
    RpcError, RpcLimits, transaction,
    wire::{self, Call},
};
use crate::{BlockRef, EndpointAddress, Transaction};

const SUBSCRIBE: &str = "eth_subscribe";
const CHAIN_ID: &str = "eth_chainId";

/// After so long without a word the node is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(20);

/// How pending transactions are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingKind {
    /// With all that they say.
    Full,
    /// By their hashes alone.
    Hashes,
    /// Not at all: the node refused.
    Refused,
}

/// What a node tells of by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// There is another head.
    Head(BlockRef),
    /// A transaction waits.
    Pending(Arc<Transaction>),
    /// A transaction waits, of which the hash alone is told.
    PendingHash(B256),
}

/// A connection on which nothing is asked but to be told.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    address: EndpointAddress,
    limits: RpcLimits,
    next_id: u64,
    heads: Option<Value>,
    pending: Option<Value>,
    /// What came while an answer was waited for.
    early: Vec<String>,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("address", &self.address).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Named {
    number: U64,
    hash: B256,
}

impl Socket {
    /// Connects.
    ///
    /// # Errors
    /// Fails where that can't be done in time.
    pub async fn connect(address: &EndpointAddress, limits: RpcLimits) -> Result<Socket, RpcError> {
        let mut request =
            address.expose().as_str().into_client_request().map_err(|_| RpcError::Connect)?;
        if let Some(credentials) = credentials(address) {
            request.headers_mut().insert(AUTHORIZATION, credentials);
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(limits.answer_bytes_max))
            .max_frame_size(Some(limits.answer_bytes_max));
        let connector = if address.expose().scheme() == "wss" { tls()? } else { Connector::Plain };
        let connecting =
            connect_async_tls_with_config(request, Some(config), true, Some(connector));
        let connected = timeout(limits.connect_time_max, connecting).await;
        let connected = connected.map_err(|_| RpcError::Timeout { method: "connect" })?;
        let (stream, _) = connected.map_err(|error| failed(&error, "connect", limits))?;
        let address = address.clone();
        let (next_id, early) = (0, Vec::new());
        Ok(Socket { stream, address, limits, next_id, heads: None, pending: None, early })
    }

    /// Returns the id of the chain that is told of.
    ///
    /// # Errors
    /// Fails where the node does not say.
    pub async fn chain_id(&mut self) -> Result<u64, RpcError> {
        let id = self.call(Call { method: CHAIN_ID, params: json!([]) }).await?;
        let id = serde_json::from_value::<U64>(id);
        Ok(id.map_err(|error| wire::json_error(CHAIN_ID, &error))?.to())
    }

    /// Asks to be told of heads.
    ///
    /// # Errors
    /// Fails where the node refuses.
    pub async fn subscribe_heads(&mut self) -> Result<(), RpcError> {
        self.heads = Some(self.subscribe(json!(["newHeads"])).await?);
        Ok(())
    }

    /// Asks to be told of pending transactions, with all that they say where that is offered.
    ///
    /// # Errors
    /// Fails where the connection does; a refusal is told by what is returned.
    pub async fn subscribe_pending(&mut self) -> Result<PendingKind, RpcError> {
        let ways = [
            (PendingKind::Full, json!(["newPendingTransactions", true])),
            (PendingKind::Hashes, json!(["newPendingTransactions"])),
        ];
        for (kind, params) in ways {
            match self.subscribe(params).await {
                Ok(subscription) => {
                    self.pending = Some(subscription);
                    return Ok(kind);
                }
                Err(error) if error.is_from_node() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(PendingKind::Refused)
    }

    /// Returns what the node tells of next. Waits for as long as the node shows that it is there.
    ///
    /// # Cancel safety
    ///
    /// Nothing that came is lost.
    ///
    /// # Errors
    /// Fails where the connection does, or what comes is malformed.
    pub async fn next(&mut self) -> Result<Notice, RpcError> {
        loop {
            let text = match self.early.pop() {
                Some(text) => text,
                None => self.text().await?,
            };
            if let Some(notice) = self.notice(&text)? {
                return Ok(notice);
            }
        }
    }

    async fn subscribe(&mut self, params: Value) -> Result<Value, RpcError> {
        self.call(Call { method: SUBSCRIBE, params }).await
    }

    async fn call(&mut self, call: Call) -> Result<Value, RpcError> {
        self.next_id += 1;
        let (id, method) = (self.next_id, call.method);
        let request = wire::one(id, &call);
        let until = Instant::now() + self.limits.call_time_max;
        let late = |_| RpcError::Timeout { method };
        let limits = self.limits;
        let sent = timeout_at(until, self.stream.send(Message::text(request))).await;
        sent.map_err(late)?.map_err(|error| failed(&error, method, limits))?;
        loop {
            let text = timeout_at(until, self.text()).await.map_err(late)??;
            let reply = wire::reply(&text, method)?;
            if reply.id == Some(id) {
                let result = wire::result(&reply, method, self.address.expose())?;
                return serde_json::from_str(result.get())
                    .map_err(|error| wire::json_error(method, &error));
            }
            if self.early.len() < self.limits.batch_calls_max {
                self.early.insert(0, text);
            }
        }
    }

    /// Returns the next text. A node that is asked whether it is there and stays quiet is not.
    async fn text(&mut self) -> Result<String, RpcError> {
        let mut is_asked = false;
        loop {
            let message = match timeout(PING_EVERY, self.stream.next()).await {
                Ok(Some(message)) => {
                    message.map_err(|error| failed(&error, SUBSCRIBE, self.limits))?
                }
                Ok(None) => return Err(RpcError::Closed),
                Err(_) if is_asked => return Err(RpcError::Timeout { method: "ping" }),
                Err(_) => {
                    is_asked = true;
                    let ping = self.stream.send(Message::Ping(Vec::new().into()));
                    let sent = timeout(self.limits.call_time_max, ping).await;
                    sent.map_err(|_| RpcError::Timeout { method: "ping" })?
                        .map_err(|error| failed(&error, "ping", self.limits))?;
                    continue;
                }
            };
            is_asked = false;
            match message {
                Message::Text(text) => return Ok(text.as_str().to_owned()),
                Message::Close(_) => return Err(RpcError::Closed),
                _ => {}
            }
        }
    }

    fn notice(&self, text: &str) -> Result<Option<Notice>, RpcError> {
        let wrong = |error: serde_json::Error| wire::json_error(SUBSCRIBE, &error);
        let Some(told) = wire::reply(text, SUBSCRIBE)?.params else { return Ok(None) };
        let what = told.result.get();
        if Some(&told.subscription) == self.heads.as_ref() {
            let head: Named = serde_json::from_str(what).map_err(wrong)?;
            let head = BlockRef { number: head.number.to(), hash: head.hash };
            return Ok(Some(Notice::Head(head)));
        }
        if Some(&told.subscription) != self.pending.as_ref() {
            return Ok(None);
        }
        // A node that does not know the wish for all of it tells the hash.
        if what.starts_with('"') {
            return serde_json::from_str(what).map(Notice::PendingHash).map(Some).map_err(wrong);
        }
        Ok(transaction::decode(told.result, SUBSCRIBE)?.map(Notice::Pending))
    }
}

fn credentials(address: &EndpointAddress) -> Option<HeaderValue> {
    let url = address.expose();
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let pair = format!("{}:{}", url.username(), url.password().unwrap_or_default());
    let mut value =
        HeaderValue::from_str(&format!("Basic {}", BASE64.encode(pair.as_bytes()))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Trusts what HTTP trusts here.
fn tls() -> Result<Connector, RpcError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|_| RpcError::Connect)?
        .with_no_client_auth();
    Ok(Connector::Rustls(Arc::new(config)))
}

/// Says what failed without the library's words, which hold the address.
fn failed(error: &tungstenite::Error, method: &'static str, limits: RpcLimits) -> RpcError {
    match error {
        tungstenite::Error::Http(response) => {
            RpcError::Status { method, status: response.status().as_u16() }
        }
        tungstenite::Error::Capacity(_) => {
            RpcError::TooLarge { method, bytes_max: limits.answer_bytes_max }
        }
        tungstenite::Error::Utf8(_) => RpcError::malformed(method, "it is no UTF-8"),
        tungstenite::Error::Io(_) | tungstenite::Error::Tls(_) | tungstenite::Error::Url(_)
            if method == "connect" =>
        {
            RpcError::Connect
        }
        _ => RpcError::Closed,
    }
}
