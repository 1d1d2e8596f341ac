//! How many transactions a core reads: transfers, tokens, swaps and batches in turn.

use std::hint::black_box;

use alloy_primitives::{Address, B256, Bytes, U256, address};
use alloy_sol_types::{SolCall, SolValue, sol};
use chain::{BlockRef, Transaction};
use feature::{FeeWindow, Registry};

use super::{Figures, rate, time, wrong};
use crate::error::BenchError;

sol! {
    function transfer(address to, uint256 amount);
    function swapExactTokensForTokens(uint256 given, uint256 least, address[] path, address to, uint256 deadline);
    function execute(bytes commands, bytes[] inputs, uint256 deadline);
    function mint(address to);
}

/// Different transactions.
const DIFFERENT: u64 = 10_000;

/// Blocks that fees are compared with, and their transactions.
const BLOCKS: u64 = 20;
const IN_A_BLOCK: usize = 200;

const WETH: Address = address!("C02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2");
const USDC: Address = address!("A0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48");
const V2: Address = address!("7a250d5630B4cF539739dF2C5dAcb4c659F2488D");
const UNIVERSAL: Address = address!("66a9893cC07d91D95644AEDD05D03f95e1dBA8Af");

pub(super) struct Features {
    registry: Registry,
    fees: FeeWindow,
    different: Vec<Transaction>,
    count: usize,
}

impl Features {
    pub(super) fn new(count: u32) -> Self {
        let different: Vec<_> = (0..DIFFERENT).map(transaction).collect();
        let mut fees = FeeWindow::default();
        let blocks = different.chunks(IN_A_BLOCK).zip(0..BLOCKS);
        for (transactions, number) in blocks {
            let hash = B256::from(U256::from(number));
            fees.commit(BlockRef { number, hash }, Some(10), transactions);
        }
        Features { registry: Registry::built_in(), fees, different, count: count as usize }
    }

    pub(super) fn once(&self) -> Result<Figures, BenchError> {
        let chain = self.registry.chain(1).ok_or_else(|| wrong("knows no contracts"))?;
        let all = self.different.iter().cycle().take(self.count);
        let (known, took) = time(|| {
            let read = all.filter(|transaction| {
                let features = feature::Features::of(black_box(transaction), chain, &self.fees);
                !black_box(&features).calls.is_empty()
            });
            read.count()
        });
        if known * 5 < self.count {
            return Err(wrong("knows too few of the calls"));
        }
        Ok(vec![("features", "transactions/CPU-s, features", rate(self.count, took.cpu))])
    }
}

fn transaction(at: u64) -> Transaction {
    let to = Address::from_word(B256::from(U256::from(at + 1_000)));
    let amount = U256::from(at);
    let (target, input) = match at % 5 {
        0 => (to, Vec::new()),
        1 => (USDC, transferCall { to, amount }.abi_encode()),
        2 => (V2, v2(to, amount)),
        3 => (UNIVERSAL, universal(to, amount)),
        _ => (to, mintCall { to }.abi_encode()),
    };
    Transaction {
        hash: B256::from(U256::from(at)),
        sender: to,
        nonce: at,
        to: Some(target),
        value: amount,
        tx_type: 2,
        chain_id: Some(1),
        gas_limit: 200_000,
        gas_price: None,
        max_fee_per_gas: Some(1_000),
        max_priority_fee_per_gas: Some(u128::from(at % 97)),
        max_fee_per_blob_gas: None,
        blob_count: 0,
        input: input.into(),
        lists: None,
    }
}

fn v2(to: Address, given: U256) -> Vec<u8> {
    let (path, deadline) = (vec![WETH, USDC], U256::from(99));
    swapExactTokensForTokensCall { given, least: U256::ONE, path, to, deadline }.abi_encode()
}

/// Wraps the chain's coin and swaps it in a pool of V3.
fn universal(to: Address, given: U256) -> Vec<u8> {
    let path: Bytes = [WETH.as_slice(), &[0, 1, 0xf4], USDC.as_slice()].concat().into();
    let wrap = (to, given).abi_encode_params().into();
    let swap = (to, given, U256::ONE, path, false).abi_encode_params().into();
    let commands = Bytes::from_static(&[0x0b, 0x00]);
    executeCall { commands, inputs: vec![wrap, swap], deadline: U256::from(99) }.abi_encode()
}
