//! When a log keeps its name, and when not.

use std::collections::{BTreeMap, BTreeSet};

use chain::ChainKey;
use journal::{Damaged, Seq};

use super::{FILE, Named, Opened, name};

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn key(text: &str) -> ChainKey {
    text.parse().unwrap()
}

/// What a start finds: the records that are kept, what is damaged, and the last record of chains.
struct Start {
    kept: (u64, u64),
    damaged: &'static [(u64, u64)],
    last: &'static [(&'static str, u64)],
    followed: &'static [&'static str],
}

/// Starts one after the other on one folder; returns which of them kept the name.
fn names_kept(starts: &[Start]) -> Vec<bool> {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<_> = starts
        .iter()
        .map(|start| {
            let damaged = start.damaged.iter();
            let damaged: Vec<_> =
                damaged.map(|(from, to)| Damaged { from: seq(*from), to: seq(*to) }).collect();
            let last: BTreeMap<_, _> =
                start.last.iter().map(|(chain, last)| (key(chain), seq(*last))).collect();
            let followed: BTreeSet<_> = start.followed.iter().map(|chain| key(chain)).collect();
            let kept = (seq(start.kept.0), seq(start.kept.1));
            let opened = Opened { kept, damaged: &damaged, last: &last, followed: &followed };
            name(folder.path(), &opened).unwrap()
        })
        .collect();
    names.windows(2).map(|pair| pair[0] == pair[1]).collect()
}

const NEW: Start = Start { kept: (1, 1), damaged: &[], last: &[], followed: &["a", "b"] };

#[test]
fn a_log_that_has_everything_keeps_its_name() {
    let later = Start { kept: (1, 50), last: &[("a", 49), ("b", 3)], ..NEW };
    let retired = Start { kept: (40, 90), last: &[("a", 89), ("b", 41)], ..NEW };
    assert_eq!(names_kept(&[NEW, NEW, later, retired]), [true, true, true]);
}

#[test]
fn a_chain_whose_records_were_all_retired_gets_the_log_another_name_once() {
    let retired = || Start { kept: (40, 90), last: &[("a", 89)], ..NEW };
    let further = Start { kept: (40, 95), last: &[("a", 94)], ..NEW };
    // Everything under the new name is kept, and nothing of it is `b`'s.
    assert_eq!(names_kept(&[NEW, retired(), further]), [false, true]);
    // Under the new name it may have been given numbers, and they are gone too.
    let again = Start { kept: (100, 190), last: &[("a", 189)], ..NEW };
    assert_eq!(names_kept(&[NEW, retired(), again]), [false, false]);
}

#[test]
fn a_chain_that_is_new_costs_nobody_the_name() {
    let later = Start { kept: (40, 90), last: &[("a", 89), ("b", 60)], ..NEW };
    let added = Start { followed: &["a", "b", "c"], ..later };
    assert_eq!(names_kept(&[NEW, later, added]), [true, true]);
}

#[test]
fn damage_behind_a_chains_last_record_gets_the_log_another_name_once() {
    let at_the_end = Start { kept: (1, 50), damaged: &[(45, 49)], last: &[("a", 44)], ..NEW };
    let before_another =
        || Start { kept: (1, 50), damaged: &[(20, 30)], last: &[("a", 49), ("b", 19)], ..NEW };
    let before_both =
        Start { kept: (1, 50), damaged: &[(20, 30)], last: &[("a", 49), ("b", 31)], ..NEW };
    assert_eq!(names_kept(&[NEW, at_the_end]), [false]);
    assert_eq!(names_kept(&[NEW, before_another(), before_another()]), [false, true]);
    assert_eq!(names_kept(&[NEW, before_both]), [true]);
}

#[test]
fn a_file_with_the_name_alone_is_read_and_one_that_is_torn_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let (last, followed) = (BTreeMap::new(), BTreeSet::from([key("a")]));
    let opened =
        Opened { kept: (seq(40), seq(90)), damaged: &[], last: &last, followed: &followed };
    let epoch = name(folder.path(), &opened).unwrap();
    std::fs::write(folder.path().join(FILE), epoch.to_string()).unwrap();
    assert_eq!(name(folder.path(), &opened).unwrap(), epoch);
    let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
    assert_eq!(text, format!("{epoch}\nsince 1\nchain a\n"));
    for torn in ["", "since 1\n", "0", &format!("{epoch}\nsince 0\n"), &format!("{epoch}\nhm\n")] {
        assert_eq!(Named::read(torn), None, "{torn}");
    }
}
