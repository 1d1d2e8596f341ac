//! What was computed: the last of each thing, by what it is worth, as long as its event is held.

use alloy_primitives::{B256, U256};
use chain::{Fact, Finding, FindingKind, Json};
use projection::{FindingQuery, Group};

use crate::support::{Story, hash};

fn found(kind: FindingKind, of: B256, label: &str, value: Option<u64>) -> Fact {
    Fact::Found(Finding {
        kind,
        of,
        cause: 1,
        label: label.to_owned(),
        value: value.map(U256::from),
        body: Json::of(&label).expect("a text can be written"),
    })
}

fn feature(of: u64, category: &str) -> Fact {
    found(FindingKind::Feature, hash(of), category, None)
}

fn query(group: Group) -> FindingQuery {
    FindingQuery { group, chain: None, label: None, value_min: None, before: None, limit: 10 }
}

fn numbers(story: &Story, query: &FindingQuery) -> Vec<u64> {
    let page = story.view.snapshot().findings(query);
    page.findings.iter().map(|row| row.event().seq).collect()
}

fn counted(story: &Story) -> Vec<(String, String, u64)> {
    let rows = story.view.snapshot().categories().into_iter();
    rows.map(|row| (row.chain_key.to_string(), row.category, row.count)).collect()
}

#[test]
fn the_last_about_each_thing_counts_and_the_last_stands_first() {
    let mut story = Story::new(100);
    story.tell("a", feature(1, "swap"));
    story.tell("a", feature(2, "token"));
    story.tell("b", feature(1, "swap"));
    story.tell("a", feature(1, "nft"));
    assert_eq!(numbers(&story, &query(Group::Features)), [4, 3, 2]);
    let expected = [("a", "nft", 1), ("a", "token", 1), ("b", "swap", 1)];
    let expected = expected.map(|(chain, category, n)| (chain.to_owned(), category.to_owned(), n));
    assert_eq!(counted(&story), expected);
    let of_a = FindingQuery { chain: Some("a".to_owned()), ..query(Group::Features) };
    assert_eq!(numbers(&story, &of_a), [4, 2]);
    let swaps = FindingQuery { label: Some("swap".to_owned()), ..query(Group::Features) };
    assert_eq!(numbers(&story, &swaps), [3]);
    let snapshot = story.view.snapshot();
    let one = snapshot.finding(Group::Features, &hash(1), Some("b")).expect("it is held");
    assert_eq!(one.event().seq, 3);
    assert!(snapshot.finding(Group::Simulations, &hash(1), None).is_none());
}

#[test]
fn pages_follow_each_other() {
    let mut story = Story::new(100);
    (1..=7).for_each(|n| drop(story.tell("a", feature(n, "swap"))));
    let mut asked = FindingQuery { limit: 3, ..query(Group::Features) };
    let mut seen = Vec::new();
    loop {
        let page = story.view.snapshot().findings(&asked);
        seen.extend(page.findings.iter().map(|row| row.event().seq));
        if !page.has_more {
            break;
        }
        asked.before = Some(page.next);
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn opportunities_are_found_by_status_and_worth() {
    let mut story = Story::new(100);
    story.tell("a", found(FindingKind::Candidate, hash(1), "candidate", Some(5)));
    story.tell("a", found(FindingKind::Candidate, hash(2), "candidate", None));
    story.tell("a", found(FindingKind::Confirmed, hash(1), "confirmed", Some(5)));
    let all = query(Group::Opportunities);
    assert_eq!(numbers(&story, &all), [3, 2]);
    let candidates = FindingQuery { label: Some("candidate".to_owned()), ..all.clone() };
    assert_eq!(numbers(&story, &candidates), [2]);
    let worth = |least| FindingQuery { value_min: Some(U256::from(least)), ..all.clone() };
    assert_eq!(numbers(&story, &worth(5)), [3]);
    assert_eq!(numbers(&story, &worth(6)), [0_u64; 0]);
    assert!(counted(&story).is_empty(), "they are no features");
}

#[test]
fn what_is_forgotten_is_found_no_more() {
    let mut story = Story::new(3);
    story.tell("a", feature(1, "swap"));
    story.tell("a", feature(2, "swap"));
    story.tell("a", feature(1, "swap"));
    assert_eq!(counted(&story)[0].2, 2);
    // The first event goes; what it told of is known by the third.
    story.tell("a", feature(3, "token"));
    assert_eq!(numbers(&story, &query(Group::Features)), [4, 3, 2]);
    story.tell("a", feature(4, "token"));
    story.tell("a", feature(5, "token"));
    assert_eq!(numbers(&story, &query(Group::Features)), [6, 5, 4]);
    let expected = [("a".to_owned(), "token".to_owned(), 3)];
    assert_eq!(counted(&story), expected);
    let snapshot = story.view.snapshot();
    assert!(snapshot.finding(Group::Features, &hash(1), None).is_none());
    assert_eq!(snapshot.seen_between(0, 100), 0);
}

#[test]
fn the_number_of_the_last_fact_that_was_computed_for_is_known() {
    let mut story = Story::new(10);
    story.seen("a", 1);
    assert_eq!(story.view.snapshot().chain("a").expect("it is known").last_cause(), 0);
    story.tell("a", feature(1, "swap"));
    let snapshot = story.view.snapshot();
    assert_eq!(snapshot.chain("a").expect("it is known").last_cause(), 1);
    assert_eq!(snapshot.seen_between(0, 1), 1);
    assert_eq!(snapshot.seen_between(1, 2), 0);
}
