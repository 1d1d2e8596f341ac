//! Who the clients are: one key for each, so that a router tells them apart, all of one organisation.
//!
//! A router puts a client into one of 10,000 buckets by the SHA-256 of its credential. Clients of each
//! kind are spread evenly over them: a share of 10 % is a tenth of the readers, of the publishers and of
//! the members.

use std::fmt;

use data_encoding::HEXLOWER;
use traffic::{BUCKETS, Client};

/// How many clients of each kind there are. A share of 10 % has one publisher in ten: with fewer than
/// ten, nothing may be published through the canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// Who follow the organisation's events.
    pub readers: usize,
    /// Who publish them.
    pub publishers: usize,
    /// Who write and follow chat's messages.
    pub members: usize,
}

/// The keys of a crowd; a secret as a whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    org: String,
    pub(super) readers: Vec<String>,
    pub(super) publishers: Vec<String>,
    pub(super) members: Vec<String>,
    /// Whom measurements come as: of the first bucket and of the last one.
    pub(super) probes: [String; 2],
    /// Of whoever checks the deployment; it has a name, to write in chat.
    service: String,
}

impl Keys {
    /// Returns new keys of an organisation.
    pub fn draw(org: &str, crowd: Crowd) -> Self {
        Keys::spread(org, crowd, &HEXLOWER.encode(&rand::random::<[u8; 12]>()))
    }

    fn spread(org: &str, crowd: Crowd, seed: &str) -> Self {
        let kind = |kind: &str, count: usize| -> Vec<String> {
            (0..count).map(|index| key(&format!("{seed}-{kind}{index}"), index, count)).collect()
        };
        let ends = |index: usize| key(&format!("{seed}-probe{index}"), index * 999, 1000);
        Keys {
            org: org.to_owned(),
            readers: kind("reader", crowd.readers),
            publishers: kind("publisher", crowd.publishers),
            members: kind("member", crowd.members),
            probes: [ends(0), ends(1)],
            service: key(&format!("{seed}-service"), 999, 1000),
        }
    }

    /// Returns the value of `TIDEGATE_KEYS` that lets all of them in. It is a secret.
    pub fn setting(&self) -> String {
        let org = &self.org;
        let nameless = self.readers.iter().chain(&self.publishers).chain(&self.probes);
        let nameless = nameless.map(|key| format!("{org}={key}"));
        let members = self.members.iter().enumerate();
        let members = members.map(|(index, key)| format!("{org}={key}@{}", member_name(index)));
        let service = format!("{org}={}@{SERVICE}", self.service);
        nameless.chain(members).chain([service]).collect::<Vec<_>>().join(",")
    }

    /// Returns the key of a reader, for whoever else asks as a client.
    pub fn any(&self) -> &str {
        &self.probes[1]
    }

    /// Returns the key of a service, for whoever else asks as a client, and writes in chat.
    pub fn service(&self) -> &str {
        &self.service
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.readers.len() + self.publishers.len() + self.members.len() + 3;
        write!(f, "Keys({count} of {})", self.org)
    }
}

/// The name under which checks write in chat.
const SERVICE: &str = "rehearsal";

/// Returns the name of a member.
pub(super) fn member_name(index: usize) -> String {
    format!("member-{index}")
}

/// Returns the first key that begins so and falls into one of so many equal parts of the buckets.
fn key(begins: &str, part: usize, parts: usize) -> String {
    let is_in = |key: &String| bucket(key) * parts / usize::from(BUCKETS) == part;
    let mut keys = (0_u64..).map(|n| format!("{begins}-{n}"));
    keys.find(is_in).expect("one of so many keys falls into each part")
}

fn bucket(key: &str) -> usize {
    usize::from(Client::of(key).bucket().number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_spread_over_the_buckets() {
        let crowd = Crowd { readers: 200, publishers: 5, members: 3 };
        let keys = Keys::spread("org_a", crowd, "seed");
        for kind in [&keys.readers, &keys.publishers, &keys.members] {
            for percent in [10, 20, 50] {
                let below = kind.iter().filter(|key| bucket(key) < percent * 100).count();
                let exact = kind.len() * percent / 100;
                assert!(
                    (exact..=exact + 1).contains(&below),
                    "{percent}: {below} of {}",
                    kind.len()
                );
            }
        }
        assert!(bucket(&keys.probes[0]) < 10 && bucket(&keys.probes[1]) >= 9990);
    }

    #[test]
    fn they_are_a_setting_and_a_secret() {
        let crowd = Crowd { readers: 1, publishers: 1, members: 2 };
        let keys = Keys::draw("org_a", crowd);
        let setting = keys.setting();
        let each: Vec<_> = setting.split(',').collect();
        assert_eq!(each.len(), 7);
        assert!(each.iter().all(|key| key.starts_with("org_a=")), "{setting}");
        assert!(each[5].ends_with("@member-1"));
        assert!(each[6].ends_with("@rehearsal"));
        assert_eq!(format!("{keys:?}"), "Keys(7 of org_a)");
        assert_ne!(keys, Keys::draw("org_a", crowd));
    }
}
