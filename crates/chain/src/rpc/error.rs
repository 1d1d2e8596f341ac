//! What a call can fail with. No text holds an address or a part of one.

use alloy_primitives::B256;

/// A call to a node failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// There is no connection.
    #[error("the endpoint can't be connected")]
    Connect,
    /// The connection ended before the answer did.
    #[error("the endpoint closed the connection")]
    Closed,
    /// The answer took too long.
    #[error("{method}: no answer in time")]
    Timeout {
        /// What was called.
        method: &'static str,
    },
    /// The endpoint refused by HTTP.
    #[error("{method}: the endpoint answered with status {status}")]
    Status {
        /// What was called.
        method: &'static str,
        /// The status.
        status: u16,
    },
    /// The answer is larger than allowed.
    #[error("{method}: the answer has more than {bytes_max} bytes")]
    TooLarge {
        /// What was called.
        method: &'static str,
        /// The limit.
        bytes_max: usize,
    },
    /// The answer is none of this protocol, or was cut.
    #[error("{method}: the answer is malformed: {what}")]
    Malformed {
        /// What was called.
        method: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// The node refused the call.
    #[error("{method}: the node answered with error {code}: {message}")]
    Node {
        /// What was called.
        method: &'static str,
        /// The node's code.
        code: i64,
        /// The node's words, shortened, without parts of the address.
        message: String,
    },
    /// What was answered does not have the hash that it claims.
    #[error("{what} claims the hash {claimed}, and has {actual}")]
    Hash {
        /// What it is of.
        what: &'static str,
        /// The hash it claims.
        claimed: B256,
        /// The hash it has.
        actual: B256,
    },
    /// Another thing was answered than was asked for.
    #[error("{method}: the answer is not what was asked for")]
    Other {
        /// What was called.
        method: &'static str,
    },
}

impl RpcError {
    /// Returns whether the node refused what was asked, and would refuse it again: it does not know
    /// the method, or not such parameters.
    pub fn is_refusal(&self) -> bool {
        let codes = [-32_600, -32_601, -32_602, -32_604, -32_004];
        matches!(self, RpcError::Node { code, .. } if codes.contains(code))
    }

    /// Returns whether the node itself answered with an error, whatever it says.
    pub fn is_from_node(&self) -> bool {
        matches!(self, RpcError::Node { .. })
    }

    /// Returns whether the answer took too long.
    pub fn is_late(&self) -> bool {
        matches!(self, RpcError::Timeout { .. })
    }

    /// Returns whether what was answered can't be true.
    pub fn is_lie(&self) -> bool {
        matches!(self, RpcError::Hash { .. } | RpcError::Other { .. })
    }

    /// Returns whether fewer calls, or smaller ones, may be answered.
    pub(crate) fn may_be_split(&self) -> bool {
        match self {
            RpcError::TooLarge { .. } => true,
            // Fewer calls are no help where there were too many lately.
            RpcError::Node { code, .. } => *code != -32_005,
            RpcError::Status { status, .. } => matches!(status, 400 | 413 | 500),
            _ => false,
        }
    }

    pub(crate) fn malformed(method: &'static str, what: &str) -> RpcError {
        RpcError::Malformed { method, what: what.to_owned() }
    }
}
