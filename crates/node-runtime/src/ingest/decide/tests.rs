//! What becomes of what was observed when the process ends.

use alloy_primitives::{Address, B256, Bytes, U256};
use chain::Transaction;
use journal::{Journal, Options};

use super::*;
use crate::Tasks;

fn pending(n: u64) -> Observation {
    let transaction = Transaction {
        hash: B256::left_padding_from(&n.to_be_bytes()),
        sender: Address::left_padding_from(&n.to_be_bytes()),
        nonce: 1,
        to: Some(Address::with_last_byte(2)),
        value: U256::from(n),
        tx_type: 2,
        chain_id: Some(1),
        gas_limit: 21_000,
        gas_price: None,
        max_fee_per_gas: Some(1_000),
        max_priority_fee_per_gas: Some(1),
        max_fee_per_blob_gas: None,
        blob_count: 0,
        input: Bytes::new(),
        lists: None,
    };
    let (chain, input) = ("demo".parse().unwrap(), Input::Pending(Arc::new(transaction)));
    Observation { chain, observed_unix_ms: n, input }
}

#[tokio::test]
async fn what_was_observed_before_the_end_is_kept() {
    const OBSERVED: u64 = 1_000;
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(Options::new(folder.path().to_owned())).unwrap();
    let known = Known { state: ChainState::new(chain::StateLimits::default()), numbered: 0 };
    let chains = BTreeMap::from([("demo".parse().unwrap(), known)]);
    let (now, metrics) = (Arc::new(|| 0), Arc::default());
    let decider = Decider::new(chains, journal.writer(), WhenFull::Wait, now, metrics);
    let (observe, observed) = mpsc::channel(OBSERVED as usize);
    for n in 1..=OBSERVED {
        observe.try_send(pending(n)).unwrap();
    }
    let (_leave, found) = mpsc::channel(1);
    let tasks = Tasks::default();
    tasks.ask_to_end();
    decider.run(observed, found, tasks.shutdown()).await;
    // Its owner ends last, and still has it.
    drop(observe);
    let closed = journal.close(Duration::from_secs(60)).await;
    assert_eq!((closed.unwritten_records, journal.next_seq().get()), (0, OBSERVED + 1));
}
