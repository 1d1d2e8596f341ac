//! The rules of a chain by name, and when which began on chains whose schedule is public.
//!
//! Sources: the "Activation" tables of EIP-779, EIP-1679, EIP-2387, EIP-7568 and EIP-7607, and the
//! chain configurations that go-ethereum carries (`params/config.go`).

#[cfg(test)]
mod tests;

use revm::primitives::hardfork::SpecId;
use serde::{Deserialize, Serialize};

/// The rules that a block is executed by.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are the names that everybody uses")]
pub enum Hardfork {
    Frontier,
    Homestead,
    TangerineWhistle,
    SpuriousDragon,
    Byzantium,
    Petersburg,
    Istanbul,
    Berlin,
    London,
    Paris,
    Shanghai,
    Cancun,
    Prague,
    /// The newest on Ethereum's mainnet; what chains without a known schedule are taken to be at.
    #[default]
    Osaka,
    /// Known by its name alone: what runs by it is incomplete.
    Amsterdam,
}

use Hardfork as H;

const ALL: [Hardfork; 15] = [
    H::Frontier,
    H::Homestead,
    H::TangerineWhistle,
    H::SpuriousDragon,
    H::Byzantium,
    H::Petersburg,
    H::Istanbul,
    H::Berlin,
    H::London,
    H::Paris,
    H::Shanghai,
    H::Cancun,
    H::Prague,
    H::Osaka,
    H::Amsterdam,
];

/// When rules begin on one chain: by the block's number, later by its time.
struct Schedule {
    /// What holds from the first block on.
    first: Hardfork,
    by_number: &'static [(u64, Hardfork)],
    by_timestamp: &'static [(u64, Hardfork)],
}

const MAINNET: Schedule = Schedule {
    first: H::Frontier,
    by_number: &[
        (1_150_000, H::Homestead),
        (2_463_000, H::TangerineWhistle),
        (2_675_000, H::SpuriousDragon),
        (4_370_000, H::Byzantium),
        (7_280_000, H::Petersburg),
        (9_069_000, H::Istanbul),
        (12_244_000, H::Berlin),
        (12_965_000, H::London),
        (15_537_394, H::Paris),
    ],
    by_timestamp: &[
        (1_681_338_455, H::Shanghai),
        (1_710_338_135, H::Cancun),
        (1_746_612_311, H::Prague),
        (1_764_798_551, H::Osaka),
    ],
};

const SEPOLIA: Schedule = Schedule {
    first: H::London,
    by_number: &[(1_450_409, H::Paris)],
    by_timestamp: &[
        (1_677_557_088, H::Shanghai),
        (1_706_655_072, H::Cancun),
        (1_741_159_776, H::Prague),
        (1_760_427_360, H::Osaka),
        (1_791_294_816, H::Amsterdam),
    ],
};

impl Schedule {
    fn at(&self, number: u64, timestamp: u64) -> Hardfork {
        let last = |forks: &[(u64, Hardfork)], at: u64| {
            forks.iter().rev().find(|(begin, _)| *begin <= at).map(|(_, fork)| *fork)
        };
        let by_number = last(self.by_number, number).unwrap_or(self.first);
        last(self.by_timestamp, timestamp).map_or(by_number, |fork| fork.max(by_number))
    }
}

impl Hardfork {
    /// Returns the rules of a block: by schedule on Ethereum's mainnet (1) and Sepolia (11155111),
    /// Osaka on other chains, since theirs is not known here.
    pub fn for_chain(chain_id: u64, number: u64, timestamp: u64) -> Hardfork {
        match chain_id {
            1 => MAINNET.at(number, timestamp),
            11_155_111 => SEPOLIA.at(number, timestamp),
            _ => Hardfork::default(),
        }
    }

    /// Returns it by the name that it is written with, as `tangerine_whistle`.
    pub fn from_name(name: &str) -> Option<Hardfork> {
        ALL.into_iter().find(|fork| fork.name() == name)
    }

    /// Returns the name that it is written with.
    pub fn name(self) -> &'static str {
        match self {
            H::Frontier => "frontier",
            H::Homestead => "homestead",
            H::TangerineWhistle => "tangerine_whistle",
            H::SpuriousDragon => "spurious_dragon",
            H::Byzantium => "byzantium",
            H::Petersburg => "petersburg",
            H::Istanbul => "istanbul",
            H::Berlin => "berlin",
            H::London => "london",
            H::Paris => "paris",
            H::Shanghai => "shanghai",
            H::Cancun => "cancun",
            H::Prague => "prague",
            H::Osaka => "osaka",
            H::Amsterdam => "amsterdam",
        }
    }

    /// Returns what `revm` calls it; `None` where it is not simulated, since nothing here has compared
    /// it with a node.
    pub(crate) fn spec(self) -> Option<SpecId> {
        Some(match self {
            H::Frontier => SpecId::FRONTIER,
            H::Homestead => SpecId::HOMESTEAD,
            H::TangerineWhistle => SpecId::TANGERINE,
            H::SpuriousDragon => SpecId::SPURIOUS_DRAGON,
            H::Byzantium => SpecId::BYZANTIUM,
            H::Petersburg => SpecId::PETERSBURG,
            H::Istanbul => SpecId::ISTANBUL,
            H::Berlin => SpecId::BERLIN,
            H::London => SpecId::LONDON,
            H::Paris => SpecId::MERGE,
            H::Shanghai => SpecId::SHANGHAI,
            H::Cancun => SpecId::CANCUN,
            H::Prague => SpecId::PRAGUE,
            H::Osaka => SpecId::OSAKA,
            H::Amsterdam => return None,
        })
    }
}
