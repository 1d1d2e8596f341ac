//! What can be broken around the replicas, and mended again.

use std::{fmt, time::Duration};

use faults::{Direction, Toxic};

use super::{
    Stack,
    peer::{Kind, Peer},
};
use crate::StackError;

/// The name of the toxic that slows a way down.
const SLOW: &str = "slow";

/// Something that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Redis keeps its connections and says nothing (`SIGSTOP`).
    RedisHangs,
    /// Redis is killed. What it has acknowledged is on its disk.
    RedisKilled,
    /// Redis can't be reached: connections are cut, and new ones refused.
    RedisCutOff,
    /// Every answer of Redis comes so much later.
    RedisSlow(Duration),
    /// The database keeps its connections and says nothing.
    DatabaseHangs,
    /// The database is killed.
    DatabaseKilled,
    /// The database can't be reached.
    DatabaseCutOff,
    /// Every answer of the database comes so much later.
    DatabaseSlow(Duration),
    /// A replica is killed; the supervisor starts it again.
    ReplicaKilled(String),
}

impl Fault {
    /// Reads a fault as [`Fault`]'s `Display` writes it.
    ///
    /// # Errors
    /// Fails on what is none, with what there is.
    pub fn parse(text: &str) -> Result<Self, StackError> {
        let (name, value) = text.split_once('=').map_or((text, None), |(n, v)| (n, Some(v)));
        let latency = || {
            let ms = value.and_then(|value| value.strip_suffix("ms")?.parse().ok());
            ms.map(Duration::from_millis)
        };
        let fault = match (name, value) {
            ("redis-hangs", None) => Some(Fault::RedisHangs),
            ("redis-killed", None) => Some(Fault::RedisKilled),
            ("redis-cut-off", None) => Some(Fault::RedisCutOff),
            ("redis-slow", _) => latency().map(Fault::RedisSlow),
            ("database-hangs", None) => Some(Fault::DatabaseHangs),
            ("database-killed", None) => Some(Fault::DatabaseKilled),
            ("database-cut-off", None) => Some(Fault::DatabaseCutOff),
            ("database-slow", _) => latency().map(Fault::DatabaseSlow),
            ("replica-killed", Some(name)) => Some(Fault::ReplicaKilled(name.to_owned())),
            _ => None,
        };
        fault.ok_or_else(|| {
            StackError::Settings(format!(
                "`{text}` is no fault; there are redis-hangs, redis-killed, redis-cut-off, \
                 redis-slow=MILLISECONDSms, the same with database-, and replica-killed=NAME"
            ))
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::RedisHangs => f.write_str("redis-hangs"),
            Fault::RedisKilled => f.write_str("redis-killed"),
            Fault::RedisCutOff => f.write_str("redis-cut-off"),
            Fault::RedisSlow(by) => write!(f, "redis-slow={}ms", by.as_millis()),
            Fault::DatabaseHangs => f.write_str("database-hangs"),
            Fault::DatabaseKilled => f.write_str("database-killed"),
            Fault::DatabaseCutOff => f.write_str("database-cut-off"),
            Fault::DatabaseSlow(by) => write!(f, "database-slow={}ms", by.as_millis()),
            Fault::ReplicaKilled(name) => write!(f, "replica-killed={name}"),
        }
    }
}

/// What is done to one server.
#[derive(Clone, Copy)]
enum Harm {
    Hang,
    Kill,
    CutOff,
    Slow(Duration),
}

impl Stack {
    /// Breaks something; what is broken in that way already stays so.
    ///
    /// # Errors
    /// Fails where this stack does not have what is to be broken.
    pub async fn inject(&self, fault: &Fault) -> Result<(), StackError> {
        match fault.split() {
            Part::Replica(name) => self.replica(name)?.kill().await,
            Part::Redis(harm) => break_peer(&self.redis()?.peer, harm).await,
            Part::Database(harm) => break_peer(&self.database()?.peer, harm).await,
        }
        Ok(())
    }

    /// Mends it again: what was killed is started. A killed replica is the supervisor's.
    ///
    /// # Errors
    /// Fails where this stack does not have it, and where it does not start again.
    pub async fn mend(&self, fault: &Fault) -> Result<(), StackError> {
        match fault.split() {
            Part::Replica(_) => Ok(()),
            Part::Redis(harm) => mend_peer(&self.redis()?.peer, harm).await,
            Part::Database(harm) => mend_peer(&self.database()?.peer, harm).await,
        }
    }

    fn redis(&self) -> Result<&super::Redis, StackError> {
        self.redis.as_ref().ok_or_else(|| StackError::NoSuch("Redis".into()))
    }

    fn database(&self) -> Result<&super::SurrealDb, StackError> {
        self.database.as_ref().ok_or_else(|| StackError::NoSuch("database server".into()))
    }
}

enum Part<'a> {
    Redis(Harm),
    Database(Harm),
    Replica(&'a str),
}

impl Fault {
    fn split(&self) -> Part<'_> {
        match self {
            Fault::RedisHangs => Part::Redis(Harm::Hang),
            Fault::RedisKilled => Part::Redis(Harm::Kill),
            Fault::RedisCutOff => Part::Redis(Harm::CutOff),
            Fault::RedisSlow(by) => Part::Redis(Harm::Slow(*by)),
            Fault::DatabaseHangs => Part::Database(Harm::Hang),
            Fault::DatabaseKilled => Part::Database(Harm::Kill),
            Fault::DatabaseCutOff => Part::Database(Harm::CutOff),
            Fault::DatabaseSlow(by) => Part::Database(Harm::Slow(*by)),
            Fault::ReplicaKilled(name) => Part::Replica(name),
        }
    }
}

async fn break_peer<K: Kind>(peer: &Peer<K>, harm: Harm) {
    match harm {
        Harm::Hang => peer.pause().await,
        Harm::Kill => peer.kill().await,
        Harm::CutOff => peer.way().disable().await,
        Harm::Slow(latency) => {
            let toxic = Toxic::Latency { latency, jitter: latency / 10 };
            peer.way().set(SLOW, Direction::Downstream, toxic);
        }
    }
}

async fn mend_peer<K: Kind>(peer: &Peer<K>, harm: Harm) -> Result<(), StackError> {
    match harm {
        Harm::Hang => peer.go_on().await,
        Harm::Kill => peer.run().await?,
        Harm::CutOff => peer.way().enable().await,
        Harm::Slow(_) => peer.way().remove(SLOW),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_as_they_are_written() {
        let by = Duration::from_millis(250);
        for fault in [
            Fault::RedisHangs,
            Fault::RedisKilled,
            Fault::RedisCutOff,
            Fault::RedisSlow(by),
            Fault::DatabaseHangs,
            Fault::DatabaseKilled,
            Fault::DatabaseCutOff,
            Fault::DatabaseSlow(by),
            Fault::ReplicaKilled("stable-1".into()),
        ] {
            assert_eq!(Fault::parse(&fault.to_string()).unwrap(), fault);
        }
        for text in ["", "redis", "redis-slow", "redis-slow=3s", "redis-hangs=1", "replica-killed"]
        {
            assert!(Fault::parse(text).is_err(), "{text}");
        }
    }
}
