//! Each statement of chat gets to its rows as the list says, and what was tried is removed again.

use std::collections::BTreeMap;

use store::{Store, probe::Synthetic};
use surrealdb::{engine::any, types::Value};

use crate::kit;

fn synthetic() -> Synthetic {
    let [org, thread, neighbour] = ["gates_org", "gates_1", "gates_1x"].map(str::to_owned);
    Synthetic { org, thread, neighbour }
}

/// Tries everything on a database, in which other rows stay as they are.
pub(crate) async fn all(store: &Store) {
    let chat = store.chat();
    let witness = kit::messages("gates_1w", 1, 3);
    chat.write(&witness).await.expect("it answers");
    let on = synthetic();
    let found = store.try_patterns(&on).await.expect("it answers");
    let wrong: Vec<_> = found.answers.iter().filter(|answer| !answer.is_right).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(found.answers.len() > 12);
    let bad: Vec<_> = found.patterns.iter().filter(|pattern| !pattern.is_good()).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let plans: BTreeMap<_, _> = found.patterns.iter().map(|p| (p.name, &p.parts)).collect();
    assert!(plans.len() > 15, "{:?}", plans.keys());
    let plan = plans["FindRequest"][0].plan.as_ref().expect("it answers");
    assert!(plan.contains("index: message_of_request"), "{plan}");
    for thread in [&on.thread, &on.neighbour] {
        let tables: Vec<_> = store
            .traces(thread)
            .await
            .expect("it answers")
            .iter()
            .map(|trace| trace.table)
            .collect();
        assert!(tables.starts_with(&["thread", "message"]), "{tables:?}");
        store.forget_thread(thread).await.expect("it answers");
        assert_eq!(store.traces(thread).await.expect("it answers"), []);
    }
    let left = chat.read("gates_1w", 0, 10).await.expect("it answers");
    assert!(left.into_iter().map(|amended| amended.message).eq(witness));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_gets_to_its_rows_as_listed() {
    let store = kit::open(kit::memory()).await;
    all(&store).await;
}

/// Should a later version use an index for a variable, conditions need no literals any more.
#[tokio::test(flavor = "multi_thread")]
async fn this_version_finds_no_index_for_a_variable() {
    let db = any::connect("mem://").await.unwrap();
    db.use_ns("a").use_db("a").await.unwrap();
    db.query("DEFINE TABLE t; DEFINE INDEX of_x ON t FIELDS x").await.unwrap().check().unwrap();
    let plan = async |condition: &str| {
        let text = format!("EXPLAIN SELECT * FROM t WITH INDEX of_x WHERE x = {condition}");
        let mut answer = db.query(text).bind(("wanted", "1")).await.unwrap().check().unwrap();
        let plan: Value = answer.take(0).unwrap();
        format!("{plan:?}")
    };
    assert!(plan("'1'").await.contains("IndexScan"));
    assert!(plan("$wanted").await.contains("TableScan"), "it does now: bind them again");
}
