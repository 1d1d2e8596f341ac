//! Transactions of every kind, made from numbers: the same each time.

use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use chain::Authorization;
use revm::context_interface::transaction::{Authorization as Unsigned, SignedAuthorization};
use serde_json::{Value, json};

use crate::abi;

/// Who and what transactions are about.
pub(crate) struct World {
    pub(crate) accounts: Vec<Address>,
    pub(crate) tool: Address,
    pub(crate) coin: Address,
}

/// A number that follows from others.
pub(crate) fn draw(seed: u64, n: u64) -> u64 {
    let hash = keccak256([seed.to_be_bytes(), n.to_be_bytes()].concat());
    u64::from_be_bytes(hash[..8].try_into().expect("it is long enough"))
}

/// How many kinds there are.
pub(crate) const KINDS: u64 = 34;

/// How many precompiled contracts are called.
pub(crate) const PRECOMPILED: u64 = 13;

/// Precompiled contracts with an input that they take.
fn precompiled(n: u64) -> (u64, Vec<u8>) {
    let words = |words: &[u64]| -> Vec<u8> {
        words.iter().flat_map(|word| U256::from(*word).to_be_bytes::<32>()).collect()
    };
    match n % PRECOMPILED {
        0 => (1, words(&[n, 27, n + 5, n + 7])),
        1 => (2, vec![7; (n % 300) as usize]),
        2 => (3, vec![9; (n % 300) as usize]),
        3 => (4, vec![1; (n % 3000) as usize]),
        4 => (5, [words(&[1, 32, 32]), vec![3], words(&[u64::MAX, u64::MAX - 58])].concat()),
        5 => (6, words(&[1, 2, 1, 2])),
        6 => (7, words(&[1, 2, n])),
        7 => (8, Vec::new()),
        8 => (9, blake2f()),
        // The point at infinity and itself, and their pairing, on BLS12-381 (EIP-2537).
        9 => (11, vec![0; 256]),
        10 => (15, vec![0; 384]),
        11 => (10, kzg()),
        // A signature on P-256 (EIP-7951).
        _ => (256, P256.to_vec()),
    }
}

fn blake2f() -> Vec<u8> {
    let mut input = 12_u32.to_be_bytes().to_vec();
    input.extend([5; 208]);
    input.push(1);
    input
}

/// A hash, a right signature of it and the key.
const P256: [u8; 160] = hex!(
    "4cee90eb86eaa050036147a12d49004b6b9c72bd725d39d4785011fe190f0b4d"
    "a73bd4903f0ce3b639bbbf6e8e80d16931ff4bcf5993d58468e8fb19086e8cac"
    "36dbcd03009df8c59286b162af3bd7fcc0450c9aa81be5d10d312af6c66b1d60"
    "4aebd3099c618202fcfe16ae7770b0c49ab5eadf74b754204a3bb6060e44eff3"
    "7618b065f9832de4ca6ca971a7a1adc826d0f7c00181a5fb2ddf79ae00b4e10e"
);

/// The name of the blob of zeros.
pub(crate) const ZEROS: B256 =
    B256::new(hex!("010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014"));

/// The point at infinity, which is the commitment and each proof of the blob of zeros (EIP-4844).
pub(crate) const POINT: [u8; 48] = {
    let mut point = [0; 48];
    point[0] = 0xc0;
    point
};

/// The proof that the blob of zeros is 0 at 5.
fn kzg() -> Vec<u8> {
    let (at, value) = (U256::from(5).to_be_bytes::<32>(), [0; 32]);
    [&ZEROS[..], &at, &value, &POINT, &POINT].concat()
}

/// An authorization of an account that nobody knows the key of: whom it is follows from it.
pub(crate) fn authorization(seed: u64, chain_id: u64, code: Address) -> (Address, Authorization) {
    (1..200)
        .find_map(|n| {
            let r = U256::from_be_bytes(keccak256([seed.to_be_bytes(), [n; 8]].concat()).0);
            let (r, s) = (r >> 1, U256::from(seed + 1));
            let inner = Unsigned { chain_id: U256::from(chain_id), address: code, nonce: 0 };
            let signed = SignedAuthorization::new_unchecked(inner, n & 1, r, s);
            let authority = signed.recover_authority().ok()?;
            let chain_id = U256::from(chain_id);
            let y_parity = n & 1;
            Some((authority, Authorization { chain_id, address: code, nonce: 0, y_parity, r, s }))
        })
        .expect("every second number is on the curve")
}

impl World {
    /// Returns a transaction of a kind.
    pub(crate) fn transaction(&self, kind: u64, n: u64) -> Value {
        let at = |n: u64| self.accounts[(n % self.accounts.len() as u64) as usize];
        let from = at(draw(1, n));
        let other = at(draw(2, n));
        let fresh = Address::from_slice(&keccak256(n.to_be_bytes())[..20]);
        let to_tool =
            |value: u64, gas: u64, input: Bytes| self.to(from, self.tool, value, gas, &input);
        let to_coin = |input| self.to(from, self.coin, 0, 200_000, &input);
        let plain = |to, value| self.to(from, to, value, 60_000, &Bytes::new());
        let word = abi::word;
        match kind % KINDS {
            0 | 1 => plain(other, n),
            2 => plain(fresh, n + 1),
            3 => plain(from, 5),
            4 => plain(fresh, 0),
            5 => plain(self.tool, n),
            6 => self.create(from, n, &abi::tool()),
            7 => self.create(from, 0, &abi::coin(U256::from(n))),
            8 => self.create(from, 0, &Bytes::from_static(&hex!("60ef60005360016000f3"))),
            9 => self.create(from, 0, &Bytes::from_static(&hex!("fe"))),
            10 | 11 => {
                to_coin(abi::call("transfer(address,uint256)", &[abi::address(other), word(n)]))
            }
            12 => {
                to_coin(abi::call("transfer(address,uint256)", &[abi::address(other), U256::MAX]))
            }
            13 => to_coin(abi::call("approve(address,uint256)", &[abi::address(other), word(n)])),
            14 => to_coin(abi::call(
                "transferFrom(address,address,uint256)",
                &[abi::address(other), abi::address(fresh), word(n % 7)],
            )),
            15 => to_tool(0, 100_000, abi::call_with_bytes("failText(string)", &[], b"no, not so")),
            16 => to_tool(0, 100_000, abi::call("failOwn(uint256)", &[word(n)])),
            17 => to_tool(0, 100_000, abi::call("failPanic(uint256)", &[U256::ZERO])),
            18 => to_tool(0, 100_000, abi::call("failSilent()", &[])),
            19 => to_tool(0, 100_000, abi::call("invalid()", &[])),
            20 => to_tool(0, 150_000, abi::call("spin()", &[])),
            21 => {
                let words = [word(n % 9), word(draw(3, n) % 3), word(n % 12)];
                to_tool(0, 400_000, abi::call("keep(uint256,uint256,uint256)", &words))
            }
            22..=24 => self.precompiled(from, draw(4, n)),
            25 => to_tool(0, 200_000, abi::call("block_()", &[])),
            26 => {
                let list = [word(32), word(3), abi::address(other), abi::address(fresh), word(2)];
                to_tool(n * 3, 300_000, abi::call("passOn(address[])", &list))
            }
            27 => to_tool(n, 300_000, abi::call("dieAtOnce(address)", &[abi::address(fresh)])),
            28 => to_tool(n, 300_000, abi::call("makeAt(bytes32)", &[word(n)])),
            29 => to_tool(0, 200_000, abi::call("tryInside(uint256)", &[word(n)])),
            30 => to_tool(0, 2_000_000, abi::call("deep(uint256)", &[word(n % 60)])),
            31 => self.listed(from, n),
            32 => self.delegating(from, n),
            _ => to_tool(0, 24_000 + n % 20_000, abi::call("block_()", &[])),
        }
    }

    /// Returns a transaction that calls a precompiled contract.
    pub(crate) fn precompiled(&self, from: Address, n: u64) -> Value {
        let (target, input) = precompiled(n);
        let input = abi::call_with_bytes("run(address,bytes)", &[abi::word(target)], &input);
        self.to(from, self.tool, 0, 900_000, &input)
    }

    fn to(&self, from: Address, to: Address, value: u64, gas: u64, input: &Bytes) -> Value {
        let mut transaction = json!({"from": from, "to": to, "value": format!("{value:#x}"),
            "gas": format!("{gas:#x}"), "input": input});
        if value % 3 == 1 {
            transaction["gasPrice"] = json!("0x12a05f2000");
        } else {
            transaction["maxFeePerGas"] = json!("0x174876e800");
            transaction["maxPriorityFeePerGas"] = json!(format!("{:#x}", value % 1_000_000 + 1));
        }
        transaction
    }

    fn create(&self, from: Address, value: u64, code: &Bytes) -> Value {
        let mut transaction = self.to(from, from, value, 3_000_000, code);
        transaction.as_object_mut().expect("it is one").remove("to");
        transaction
    }

    fn listed(&self, from: Address, n: u64) -> Value {
        let words = [abi::word(n % 9), abi::word(1), abi::word(2)];
        let input = abi::call("keep(uint256,uint256,uint256)", &words);
        let mut transaction = self.to(from, self.tool, 0, 300_000, &input);
        transaction["accessList"] = json!([
            {"address": self.tool, "storageKeys": [B256::ZERO, B256::with_last_byte(7)]},
            {"address": self.coin, "storageKeys": []},
            {"address": self.tool, "storageKeys": [B256::ZERO]},
        ]);
        if n.is_multiple_of(2) {
            let fields = transaction.as_object_mut().expect("it is one");
            fields.remove("maxFeePerGas");
            fields.remove("maxPriorityFeePerGas");
            fields.insert("gasPrice".to_owned(), json!("0x12a05f2000"));
        }
        transaction
    }

    /// Lets the tool stand in for an account, and calls that one; one of the authorizations is for
    /// another chain, and one has been used before.
    fn delegating(&self, from: Address, n: u64) -> Value {
        let (authority, right) = authorization(n / 2, 0, self.tool);
        let (_, wrong) = authorization(n + 1, 99, self.tool);
        let input =
            abi::call("keep(uint256,uint256,uint256)", &[abi::word(n), abi::word(n), abi::word(2)]);
        let mut transaction = self.to(from, authority, 0, 500_000, &input);
        let told = |it: &Authorization| {
            json!({"chainId": it.chain_id, "address": it.address, "nonce": "0x0",
                "yParity": format!("{:#x}", it.y_parity), "r": it.r, "s": it.s})
        };
        transaction["authorizationList"] = json!([told(&right), told(&wrong), told(&right)]);
        transaction
    }
}
