//! What becomes of what was told before.

use projection::{Event, Limits, View};

use super::*;

fn chain() -> ChainKey {
    "demo".parse().unwrap()
}

fn block(number: u64) -> BlockRef {
    BlockRef { number, hash: B256::left_padding_from(&number.to_be_bytes()) }
}

fn opportunity(n: u8, status: OpportunityStatus) -> Opportunity {
    Opportunity {
        version: 1,
        id: B256::repeat_byte(n),
        chain: 1,
        kind: Kind::Arbitrage,
        block: block(7),
        trigger: None,
        path: Vec::new(),
        token: Address::ZERO,
        amount_in: U256::from(10),
        amount_out: U256::from(12),
        value: U256::from(2),
        value_wei: None,
        assumptions: Vec::new(),
        status,
    }
}

/// Returns one that goes on behind a process that told of these.
fn seeker(told: &[Opportunity]) -> (Seeker, mpsc::Receiver<Found>) {
    let (feed, mut view) = (Arc::new(Feed::default()), View::new(Limits::default()));
    for (number, told) in (1..).zip(told) {
        let fact = Fact::Found(finding(told, number).unwrap());
        let (seq, at) = (number, 0);
        let (observed_unix_ms, persisted_unix_ms) = (at, at);
        view.apply(Event {
            seq,
            number,
            chain: chain(),
            observed_unix_ms,
            persisted_unix_ms,
            fact,
        });
    }
    feed.publish(view.snapshot());
    let (leave, found) = mpsc::channel(8);
    let registry = Arc::<Registry>::default();
    let simulations = Simulations::new(Arc::clone(&feed), Arc::clone(&registry), &[]).unwrap();
    let known = Known::taken_up(&feed.snapshot(), &chain());
    let (simulations, metrics) = (Arc::new(simulations), Arc::default());
    let again_after = AGAIN_AFTER;
    let chain = chain();
    (Seeker { chain, feed, registry, simulations, leave, metrics, known, again_after }, found)
}

#[tokio::test]
async fn what_another_process_told_is_stale_at_another_head() {
    use OpportunityStatus::{Candidate, Confirmed, Refuted, Stale};
    let mut told: Vec<_> = (1..).zip([Candidate, Confirmed, Refuted, Stale, Confirmed]).collect();
    // The last word counts.
    told.push((5, Stale));
    let told: Vec<_> = told.into_iter().map(|(n, status)| opportunity(n, status)).collect();
    let (mut seeker, mut found) = seeker(&told);
    seeker.forget(block(7), 9).await.unwrap();
    assert!(found.try_recv().is_err(), "it is that head still");
    seeker.forget(block(8), 9).await.unwrap();
    let stale = found.try_recv().unwrap().findings;
    assert_eq!(
        stale.iter().map(|found| (found.of, found.label.as_str())).collect::<Vec<_>>(),
        [(B256::repeat_byte(1), "stale"), (B256::repeat_byte(2), "stale")]
    );
    seeker.forget(block(9), 9).await.unwrap();
    assert!(found.try_recv().is_err(), "it is said once");
}
