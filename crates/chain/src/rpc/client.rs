//! Calls over HTTP, one or a batch at a time, within limits.

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

use reqwest::{header::CONTENT_TYPE, redirect};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::{sync::Semaphore, time::timeout};

use super::{
    RpcError, RpcLimits,
    wire::{self, Call},
};
use crate::EndpointAddress;

/// Asks one endpoint over HTTP.
pub struct Client {
    http: reqwest::Client,
    address: EndpointAddress,
    limits: RpcLimits,
    in_flight: Semaphore,
    /// How many calls of a batch the node has not refused yet.
    batch_calls: AtomicUsize,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Client {
    /// Returns a client of an endpoint; it connects when it is first used.
    ///
    /// # Errors
    ///
    /// Fails where the machine has no certificates to trust.
    pub fn new(address: EndpointAddress, limits: RpcLimits) -> Result<Client, RpcError> {
        // An endpoint that sends elsewhere would send its key there.
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(limits.connect_time_max)
            .pool_max_idle_per_host(limits.in_flight_max)
            .no_proxy()
            .build()
            .map_err(|_| RpcError::Connect)?;
        Ok(Client {
            http,
            address,
            limits,
            in_flight: Semaphore::new(limits.in_flight_max.max(1)),
            batch_calls: AtomicUsize::new(limits.batch_calls_max.max(1)),
        })
    }

    /// Returns where it asks; its text shows scheme, host and port alone.
    pub fn address(&self) -> &EndpointAddress {
        &self.address
    }

    /// Calls, and decodes the result.
    pub(crate) async fn call<T: DeserializeOwned>(&self, call: &Call) -> Result<T, RpcError> {
        let mut results = self.raw(std::slice::from_ref(call)).await?;
        let result = results.pop().ok_or(RpcError::Other { method: call.method })??;
        serde_json::from_str(result.get()).map_err(|error| wire::json_error(call.method, &error))
    }

    /// Calls in batches; returns one result for each call, in their order.
    ///
    /// # Errors
    ///
    /// Fails where a batch has no answer. A batch that the node refuses is halved, down to one call.
    pub(crate) async fn calls(
        &self,
        calls: &[Call],
    ) -> Result<Vec<Result<Box<RawValue>, RpcError>>, RpcError> {
        let mut results = Vec::with_capacity(calls.len());
        while results.len() < calls.len() {
            let rest = &calls[results.len()..];
            let size = self.batch_calls.load(Ordering::Relaxed).clamp(1, rest.len());
            match self.raw(&rest[..size]).await {
                Ok(answered) => results.extend(answered),
                Err(error) if size > 1 && error.may_be_split() => {
                    self.batch_calls.store(size.div_ceil(2), Ordering::Relaxed);
                }
                // The only call of a batch was refused: that is its result.
                Err(error) if error.may_be_split() => results.push(Err(error)),
                Err(error) => return Err(error),
            }
        }
        Ok(results)
    }

    async fn raw(&self, calls: &[Call]) -> Result<Vec<Result<Box<RawValue>, RpcError>>, RpcError> {
        let (request, method) = match calls {
            [] => return Ok(Vec::new()),
            [call] => (wire::one(0, call), call.method),
            [call, ..] => (wire::batch(calls), call.method),
        };
        let _permit = self.in_flight.acquire().await.expect("nobody closes it");
        let exchange = self.exchange(request, method);
        let body = timeout(self.limits.call_time_max, exchange)
            .await
            .map_err(|_| RpcError::Timeout { method })??;
        let body = std::str::from_utf8(&body)
            .map_err(|_| RpcError::malformed(method, "it is no UTF-8"))?;
        let address = self.address.expose();
        if let [call] = calls {
            let reply = wire::reply(body, method)?;
            return Ok(vec![wire::result(&reply, call.method, address).map(RawValue::to_owned)]);
        }
        let results = wire::results(body, calls, address)?;
        Ok(results.into_iter().map(|result| result.map(RawValue::to_owned)).collect())
    }

    /// Sends a request and reads the answer up to the limit.
    async fn exchange(&self, request: String, method: &'static str) -> Result<Vec<u8>, RpcError> {
        let request = self.http.post(self.address.expose().clone()).body(request);
        let request = request.header(CONTENT_TYPE, "application/json");
        let mut response = request.send().await.map_err(|error| failed(&error, method))?;
        let bytes_max = self.limits.answer_bytes_max;
        let announced = response.content_length().unwrap_or(0);
        if usize::try_from(announced).map_or(true, |bytes| bytes > bytes_max) {
            return Err(RpcError::TooLarge { method, bytes_max });
        }
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error, method))? {
            if body.len() + chunk.len() > bytes_max {
                return Err(RpcError::TooLarge { method, bytes_max });
            }
            body.extend_from_slice(&chunk);
        }
        // Some nodes refuse by a status and say why in the answer.
        let says_why = body.trim_ascii_start().first() == Some(&b'{');
        if status.is_success() || (status.is_client_error() && says_why && is_reply(&body)) {
            return Ok(body);
        }
        Err(RpcError::Status { method, status: status.as_u16() })
    }
}

fn is_reply(body: &[u8]) -> bool {
    let reply = std::str::from_utf8(body).ok().and_then(|body| wire::reply(body, "").ok());
    reply.is_some_and(|reply| reply.error.is_some_and(|error| error.get().starts_with('{')))
}

/// Says what failed without the library's words, which hold the address.
fn failed(error: &reqwest::Error, method: &'static str) -> RpcError {
    if error.is_connect() {
        RpcError::Connect
    } else if error.is_timeout() {
        RpcError::Timeout { method }
    } else {
        RpcError::Closed
    }
}
