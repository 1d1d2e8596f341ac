//! The names of a log's keys and channels.

use event::StreamName;

use super::slots::slot_of;

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
    channels: Channels,
    /// What the probe's log is called: each replica has its own.
    probe: String,
}

/// How channels reach their subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channels {
    /// Through the one server.
    Plain,
    /// Through the node that has their slot.
    Sharded,
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
    /// What is written after an append whose replicas are waited for.
    pub(super) mark: String,
    /// The slot of all these keys, where they carry a hash tag.
    pub(super) slot: u16,
    /// The command that publishes on the channels.
    pub(super) publish: &'static str,
}

impl Naming {
    pub(super) fn new(prefix: &str, tag: HashTag, channels: Channels) -> Self {
        Naming { prefix: prefix.to_owned(), tag, channels, probe: "probe".to_owned() }
    }

    /// Names what belongs to one replica alone.
    pub(super) fn with_replica(mut self, replica: &str) -> Self {
        if !replica.is_empty() {
            self.probe = format!("probe:{replica}");
        }
        self
    }

    /// Returns the hash in which every replica has a note, where operators' events are.
    pub(super) fn notices(&self) -> String {
        format!("{}:{}:notices", self.prefix, self.tagged("ops"))
    }

    pub(super) fn of(&self, stream: &StreamName) -> Names {
        let base = match stream {
            StreamName::Org(id) => format!("{}:org:{}", self.prefix, self.tagged(id.as_str())),
            StreamName::Thread(id) => format!("{}:thread:{}", self.prefix, self.tagged(id)),
            StreamName::Chain(key) => format!("{}:chain:{}", self.prefix, self.tagged(key)),
            StreamName::Ops => format!("{}:{}", self.prefix, self.tagged("ops")),
            StreamName::Probe => format!("{}:{}", self.prefix, self.tagged(&self.probe)),
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
            mark: key("mark"),
            slot: slot_of(&base),
            publish: match self.channels {
                Channels::Plain => "PUBLISH",
                Channels::Sharded => "SPUBLISH",
            },
        }
    }

    /// Returns the key of the replicas that are there.
    pub(super) fn replicas(&self) -> String {
        format!("{}:{}:replicas", self.prefix, self.tagged("ops"))
    }

    /// Returns the key of the lease of the one switch that may be under way.
    pub(super) fn switch(&self) -> String {
        format!("{}:{}:switch", self.prefix, self.tagged("ops"))
    }

    /// Returns the key of the replicas that gave back what they had to a server of this run.
    pub(super) fn healed(&self, run: &str) -> String {
        format!("{}:{}:healed:{run}", self.prefix, self.tagged("ops"))
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the stream whose meta has this name; `None` for what is none, or a probe's.
    pub(super) fn stream_of_meta(&self, key: &str) -> Option<StreamName> {
        let base = key.strip_prefix(&self.prefix)?.strip_prefix(':')?.strip_suffix(":meta")?;
        let base = base.replace(['{', '}'], "");
        let stream = base.parse().ok().filter(|stream| *stream != StreamName::Probe)?;
        // A copy on its way, or another's, has a name that does not lead back here.
        (self.of(&stream).meta == key).then_some(stream)
    }

    /// Returns the key of the runs whose logs may be taken for whole.
    pub(super) fn runs(&self) -> String {
        format!("{}:{}:runs", self.prefix, self.tagged("ops"))
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
    use super::{Channels, HashTag, Naming, slot_of};

    fn named(tag: HashTag) -> Naming {
        Naming::new("dashclaw", tag, Channels::Plain)
    }

    #[test]
    fn the_names_of_the_contract_stand() {
        let names = named(HashTag::Bare).of(&"org:org_1".parse().unwrap());
        assert_eq!(names.stream, "dashclaw:org:org_1:stream");
        assert_eq!(names.events, "dashclaw:org:org_1:events");
        let ops = named(HashTag::Bare).of(&event::StreamName::Ops);
        assert_eq!(ops.events, "dashclaw:ops:events");
        let braced = named(HashTag::Braced).of(&"org:org_1".parse().unwrap());
        assert_eq!(braced.stream, "dashclaw:org:{org_1}:stream");
        assert_eq!(braced.wake, "dashclaw:org:{org_1}:wake");
        for key in [&braced.stream, &braced.meta, &braced.wake, &braced.events, &braced.mark] {
            assert_eq!(slot_of(key), braced.slot, "{key}");
        }
    }

    #[test]
    fn each_replica_has_a_probe_of_its_own() {
        let naming = Naming::new("dashclaw", HashTag::Bare, Channels::Plain);
        let probe = |naming: Naming| naming.of(&event::StreamName::Probe).stream;
        assert_eq!(probe(naming.clone()), "dashclaw:probe:stream");
        assert_eq!(probe(naming.with_replica("r1")), "dashclaw:probe:r1:stream");
        let braced = Naming::new("dashclaw", HashTag::Braced, Channels::Plain).with_replica("r1");
        assert_eq!(probe(braced), "dashclaw:{probe:r1}:stream");
    }
}
