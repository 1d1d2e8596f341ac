//! The names of a log's keys and channels.

use event::StreamName;

/// Whether the part of a key that names its stream stands in braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashTag {
    /// `dashclaw:org:ID:stream`, for a single server and Sentinel.
    Bare,
    /// `dashclaw:org:{ID}:stream`: all keys of one log in one slot of a Cluster.
    Braced,
}

/// How the keys of every log are named.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    prefix: String,
    tag: HashTag,
}

/// One log's keys and channels.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// The window: entry ids `SEQ-0`, fields `envelope` and `epoch`.
    pub(super) stream: String,
    /// Lineage, head, account.
    pub(super) meta: String,
    /// When stretches of the window were taken in.
    pub(super) ages: String,
    /// Digests of the events that the account's hash does not cover yet.
    pub(super) digests: String,
    /// What idempotency keys did.
    pub(super) done: String,
    /// Idempotency keys in the order of their use.
    pub(super) queue: String,
    /// What replicas give back after a loss.
    pub(super) heal: String,
    /// What became of branches.
    pub(super) branches: String,
    /// The channel of the contract: an envelope's JSON.
    pub(super) events: String,
    /// Our own channel: `EPOCH-SEQ`.
    pub(super) wake: String,
}

impl Naming {
    pub(super) fn new(prefix: &str, tag: HashTag) -> Self {
        Naming { prefix: prefix.to_owned(), tag }
    }

    pub(super) fn of(&self, stream: &StreamName) -> Names {
        let base = match stream {
            StreamName::Org(id) => format!("{}:org:{}", self.prefix, self.tagged(id.as_str())),
            StreamName::Thread(id) => format!("{}:thread:{}", self.prefix, self.tagged(id)),
            StreamName::Chain(key) => format!("{}:chain:{}", self.prefix, self.tagged(key)),
            StreamName::Ops => format!("{}:{}", self.prefix, self.tagged("ops")),
            StreamName::Probe => format!("{}:{}", self.prefix, self.tagged("probe")),
        };
        let key = |last: &str| format!("{base}:{last}");
        Names {
            stream: key("stream"),
            meta: key("meta"),
            ages: key("ages"),
            digests: key("digests"),
            done: key("keys"),
            queue: key("keyq"),
            heal: key("heal"),
            branches: key("branches"),
            events: key("events"),
            wake: key("wake"),
        }
    }

    /// Returns the key of the replicas that are there.
    pub(super) fn replicas(&self) -> String {
        format!("{}:replicas", self.prefix)
    }

    /// Returns the key of the replicas that gave back what they had to a server of this run.
    pub(super) fn healed(&self, run: &str) -> String {
        format!("{}:healed:{run}", self.prefix)
    }

    fn tagged(&self, name: &str) -> String {
        match self.tag {
            HashTag::Bare => name.to_owned(),
            HashTag::Braced => format!("{{{name}}}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HashTag, Naming};

    #[test]
    fn the_names_of_the_contract_stand() {
        let names = Naming::new("dashclaw", HashTag::Bare).of(&"org:org_1".parse().unwrap());
        assert_eq!(names.stream, "dashclaw:org:org_1:stream");
        assert_eq!(names.events, "dashclaw:org:org_1:events");
        let ops = Naming::new("dashclaw", HashTag::Bare).of(&event::StreamName::Ops);
        assert_eq!(ops.events, "dashclaw:ops:events");
        let braced = Naming::new("dashclaw", HashTag::Braced).of(&"org:org_1".parse().unwrap());
        assert_eq!(braced.stream, "dashclaw:org:{org_1}:stream");
        assert_eq!(braced.wake, "dashclaw:org:{org_1}:wake");
    }
}
