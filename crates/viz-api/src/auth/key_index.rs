//! Which API key a request carries, found without a look at all of them.
//!
//! A key is looked up by a hash of its digest under a secret of this process, and then compared in
//! constant time: how long it takes tells nothing of the keys that there are.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use node_runtime::settings::ApiKey;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The keys of the settings.
#[derive(Debug)]
pub(super) struct KeyIndex {
    secret: RandomState,
    /// By hash; two keys with one hash are both compared.
    keys: HashMap<u64, Vec<ApiKey>>,
}

impl KeyIndex {
    /// Returns the index of these keys.
    pub(super) fn new(keys: &[ApiKey]) -> Self {
        let secret = RandomState::new();
        let mut by_hash: HashMap<u64, Vec<ApiKey>> = HashMap::new();
        for key in keys {
            by_hash.entry(secret.hash_one(key.digest)).or_default().push(key.clone());
        }
        KeyIndex { secret, keys: by_hash }
    }

    /// Finds a key among these and one more, which a server has that was given none.
    pub(super) fn find<'a>(&'a self, sent: &[u8], own: Option<&'a ApiKey>) -> Option<&'a ApiKey> {
        let digest: [u8; 32] = Sha256::digest(sent).into();
        let of_settings = self.keys.get(&self.secret.hash_one(digest));
        let candidates = of_settings.into_iter().flatten().chain(own);
        candidates.into_iter().find(|key| bool::from(key.digest.ct_eq(&digest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_and_no_other() {
        let text = |i: usize| format!("key-number-{i:04}");
        let keys: Vec<ApiKey> =
            (0..1000).map(|i| format!("org_{i}={}", text(i)).parse().expect("a key")).collect();
        let own: ApiKey = "org_default=key-of-its-own-0".parse().expect("a key");
        let index = KeyIndex::new(&keys);
        for i in 0..1000 {
            let found = index.find(text(i).as_bytes(), Some(&own)).expect("it is there");
            assert_eq!(found.org.as_str(), format!("org_{i}"));
        }
        let found = index.find(b"key-of-its-own-0", Some(&own));
        assert_eq!(found.map(|key| key.org.as_str()), Some("org_default"));
        assert!(index.find(b"key-of-its-own-0", None).is_none());
        assert!(index.find(b"", Some(&own)).is_none());
    }
}
