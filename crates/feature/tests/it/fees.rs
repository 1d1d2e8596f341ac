//! Fees against those of recent blocks.

use alloy_primitives::B256;
use chain::{BlockRef, Transaction};
use feature::FeeWindow;

use crate::support::{FRIEND, transaction};

fn block(number: u64) -> BlockRef {
    BlockRef { number, hash: B256::with_last_byte(number as u8) }
}

/// Returns one that pays so much above any base fee.
fn tip(tip: u128) -> Transaction {
    Transaction {
        max_fee_per_gas: Some(1_000),
        max_priority_fee_per_gas: Some(tip),
        ..transaction(FRIEND, 1, Vec::new())
    }
}

fn permille(window: &FeeWindow, fee: u128) -> Option<u16> {
    window.rank(&tip(fee)).expect("a block is known").at_or_below_permille
}

#[test]
fn a_fee_stands_among_those_of_recent_blocks() {
    let mut window = FeeWindow::new(2);
    assert_eq!(window.rank(&tip(1)), None);
    window.commit(block(1), Some(10), &[]);
    assert_eq!(permille(&window, 5), None, "there is nothing to compare with");
    window.commit(block(2), Some(10), &[tip(1), tip(2), tip(3)]);
    assert_eq!(permille(&window, 0), Some(0));
    assert_eq!(permille(&window, 2), Some(666));
    assert_eq!(permille(&window, 9), Some(1_000));
    window.commit(block(3), Some(10), &[tip(5)]);
    assert_eq!(permille(&window, 3), Some(750));
    // The window has two blocks.
    window.commit(block(4), Some(10), &[tip(5)]);
    assert_eq!(permille(&window, 3), Some(0));
    let rank = window.rank(&tip(3)).unwrap();
    assert_eq!((rank.transactions, rank.blocks), (2, 2));
}

#[test]
fn what_pays_no_base_fee_has_no_place() {
    let mut window = FeeWindow::default();
    window.commit(block(1), Some(60), &[tip(1)]);
    // It pays 50 at most.
    let rank = window.rank(&transaction(FRIEND, 1, Vec::new())).unwrap();
    assert_eq!((rank.priority_fee_per_gas, rank.at_or_below_permille), (None, None));
    assert_eq!(rank.base_fee_per_gas, 60);
}

#[test]
fn what_is_paid_is_what_the_most_leaves() {
    let mut window = FeeWindow::default();
    window.commit(block(1), Some(49), &[tip(1)]);
    let rank = window.rank(&transaction(FRIEND, 1, Vec::new())).unwrap();
    assert_eq!(rank.priority_fee_per_gas, Some(1));
    let old = Transaction {
        gas_price: Some(70),
        max_fee_per_gas: None,
        max_priority_fee_per_gas: None,
        ..tip(1)
    };
    assert_eq!(window.rank(&old).unwrap().priority_fee_per_gas, Some(21));
}

#[test]
fn a_block_that_is_taken_back_counts_no_more() {
    let mut window = FeeWindow::default();
    window.commit(block(1), Some(10), &[tip(1)]);
    window.commit(block(2), Some(20), &[tip(9)]);
    window.revert(block(7));
    assert_eq!(permille(&window, 5), Some(500));
    window.revert(block(2));
    assert_eq!(permille(&window, 5), Some(1_000));
    assert_eq!(window.rank(&tip(5)).unwrap().base_fee_per_gas, 10);
    window.clear();
    assert_eq!(window.rank(&tip(5)), None);
}
