//! What a simulator is told of its chain, and what it takes at most.

use serde::{Deserialize, Serialize};

use crate::{BlockEnv, Hardfork};

/// A chain's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The chain's id by EIP-155.
    pub chain_id: u64,
    /// The rules of all its blocks; `None` for those of its schedule.
    pub hardfork: Option<Hardfork>,
    /// How blobs are counted and priced; `None` for the chain's schedule.
    pub blobs: Option<BlobRules>,
    /// Most gas of a transaction; `None` for what the hardfork says (EIP-7825).
    pub transaction_gas_max: Option<u64>,
}

/// How blobs are counted and priced (EIP-7840).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRules {
    /// Most blobs of a transaction.
    pub blobs_max: u64,
    /// By how much of an excess their price is multiplied by e.
    pub update_fraction: u64,
}

/// What a simulation takes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulationLimits {
    /// Gas of all calls of a bundle together.
    pub bundle_gas_max: u64,
    /// Things that it may ask for without having them, in one run.
    pub missing_max: usize,
}

impl Default for SimulationLimits {
    fn default() -> Self {
        SimulationLimits { bundle_gas_max: 240_000_000, missing_max: 4096 }
    }
}

/// When the price of blobs changed without other rules (EIP-7892): Ethereum's mainnet and Sepolia.
const BLOB_PARAMETERS: [(u64, u64, u64); 4] = [
    (1, 1_767_747_671, 11_684_671),
    (1, 1_765_290_071, 8_346_193),
    (11_155_111, 1_761_607_008, 11_684_671),
    (11_155_111, 1_761_017_184, 8_346_193),
];

impl Rules {
    /// Returns the rules of a chain by its schedule.
    pub fn of_chain(chain_id: u64) -> Rules {
        Rules { chain_id, hardfork: None, blobs: None, transaction_gas_max: None }
    }

    /// Returns the rules of a block by name.
    pub fn hardfork(&self, env: &BlockEnv) -> Hardfork {
        let by_schedule = || Hardfork::for_chain(self.chain_id, env.number, env.timestamp);
        self.hardfork.unwrap_or_else(by_schedule)
    }

    /// Returns how blobs are counted and priced in a block.
    pub(crate) fn blobs(&self, env: &BlockEnv) -> BlobRules {
        let by_schedule = || match self.hardfork(env) {
            Hardfork::Osaka | Hardfork::Amsterdam => {
                BlobRules { blobs_max: 6, update_fraction: self.osaka(env) }
            }
            Hardfork::Prague => BlobRules { blobs_max: 9, update_fraction: 5_007_716 },
            _ => BlobRules { blobs_max: 6, update_fraction: 3_338_477 },
        };
        self.blobs.unwrap_or_else(by_schedule)
    }

    fn osaka(&self, env: &BlockEnv) -> u64 {
        let begun = |(chain_id, begin, _): &&(u64, u64, u64)| {
            *chain_id == self.chain_id && *begin <= env.timestamp
        };
        BLOB_PARAMETERS.iter().find(begun).map_or(5_007_716, |(_, _, fraction)| *fraction)
    }
}
