//! Where a node is. Such addresses carry keys in their path, query or user part, so that only scheme,
//! host and port are ever shown.

use std::{fmt, str::FromStr};

use url::Url;

/// The address of a node's endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointAddress(Url);

/// The text is not an address of a node; it is not shown, since it may hold a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointAddressError {
    /// It is no URL.
    #[error("it is no URL with a host")]
    Malformed,
    /// It is none of ours.
    #[error("its scheme is none of http, https, ws and wss")]
    Scheme,
}

impl EndpointAddress {
    /// Returns the address as a client needs it, to be used and not shown.
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// Returns whether it is one of a WebSocket.
    pub fn is_web_socket(&self) -> bool {
        self.0.scheme().starts_with("ws")
    }

    /// Returns the same place over HTTP: `ws` becomes `http`, and `wss` becomes `https`.
    pub(crate) fn over_http(&self) -> EndpointAddress {
        let mut url = self.0.clone();
        let scheme = if matches!(url.scheme(), "ws" | "http") { "http" } else { "https" };
        url.set_scheme(scheme).expect("a URL with a host may have either of these schemes");
        EndpointAddress(url)
    }
}

impl FromStr for EndpointAddress {
    type Err = EndpointAddressError;

    fn from_str(text: &str) -> Result<Self, EndpointAddressError> {
        let url = Url::parse(text).map_err(|_| EndpointAddressError::Malformed)?;
        if !["http", "https", "ws", "wss"].contains(&url.scheme()) {
            return Err(EndpointAddressError::Scheme);
        }
        url.host_str().filter(|host| !host.is_empty()).ok_or(EndpointAddressError::Malformed)?;
        Ok(EndpointAddress(url))
    }
}

impl fmt::Display for EndpointAddress {
    /// Shows scheme, host and port.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())?;
        match self.0.port() {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for EndpointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
