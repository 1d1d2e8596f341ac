//! Who may be beside whom, on an engine in this process that both reach as they reach a server.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    task::JoinSet,
    time::{Duration, Instant},
};

use super::{Row, Tenure, fresh, give_back, renew, take};
use crate::{
    Backend, StoreOptions,
    client::Client,
    error::{OwnError, QueryError},
    migration::migrate,
    query::Query,
};

fn row(name: &str, alone: bool) -> Row {
    Row { name: name.into(), run: "run".into(), alone, log: None, age_ms: 0 }
}

fn shared() -> Tenure {
    Tenure::Shared { log: "here".into() }
}

#[test]
fn one_alone_is_beside_nobody() {
    assert!(row("b", true).forbids("a", &Tenure::Alone));
    assert!(row("b", true).forbids("a", &shared()));
    assert!(row("b", false).forbids("a", &Tenure::Alone));
    assert!(!row("b", false).forbids("a", &shared()));
    assert!(!row("a", true).forbids("a", &Tenure::Alone), "that is our own");
}

#[test]
fn those_who_share_logs_are_beside_those_with_the_same_ones() {
    let with = |log: &str| Row { log: Some(log.into()), ..row("b", false) };
    assert!(!with("here").forbids("a", &shared()));
    assert!(with("there").forbids("a", &shared()));
    assert!(!with("there").forbids("b", &shared()), "that is our own");
    let refusal = |row: Row, tenure: &Tenure| row.refusal(tenure);
    assert_eq!(refusal(with("there"), &shared()), OwnError::Elsewhere { by: "b".into() });
    let held = OwnError::Held { by: "b".into(), alone: false };
    assert_eq!(refusal(with("there"), &Tenure::Alone), held);
}

async fn database() -> Client {
    let client = Client::new(StoreOptions::new(Backend::Memory)).unwrap();
    let mark = migrate(&client, soon()).await.unwrap();
    client.expect_mark(mark);
    client
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Makes a row look as if its process had not renewed it for so long.
async fn age(client: &Client, name: &str, seconds: u64) {
    let text =
        format!("UPDATE type::record('tidegate_owner', $name) SET at = time::now() - {seconds}s");
    let query = Query::of_places("age", text).bind("name", name.to_owned());
    client.run(&query).await.unwrap();
}

/// Puts somebody else's row there.
async fn other(client: &Client, name: &str, alone: bool) {
    let query = Query::of_places(
        "another process",
        "UPSERT type::record('tidegate_owner', $name)
         CONTENT { run: 'their run', alone: $alone, at: time::now() }",
    );
    client.run(&query.bind("name", name.to_owned()).bind("alone", alone)).await.unwrap();
}

#[tokio::test]
async fn whoever_is_there_is_named() {
    let client = database().await;
    other(&client, "them", false).await;
    let refused = take(&client, "us", &Tenure::Alone, Instant::now()).await;
    assert_eq!(refused, Err(OwnError::Held { by: "them".into(), alone: false }));
    let names = fresh(&client).await.unwrap();
    assert_eq!(names.len(), 1, "nothing of ours stays: {names:?}");
    take(&client, "us", &shared(), soon()).await.unwrap();
    renew(&client).await.unwrap();
}

#[tokio::test]
async fn a_row_that_nobody_renews_is_taken_over_and_its_process_finds_out() {
    let client = database().await;
    other(&client, "them", true).await;
    age(&client, "them", super::ROW_SECONDS + 1).await;
    take(&client, "us", &Tenure::Alone, soon()).await.unwrap();
    // Ours is taken over in turn.
    let query = Query::of_places("another process", "DELETE tidegate_owner:us");
    client.run(&query).await.unwrap();
    assert_eq!(renew(&client).await, Err(QueryError::Taken));
    let read = Query::new("read", "SELECT * FROM thread");
    assert_eq!(client.run(&read).await.map(drop), Err(QueryError::Taken));
    let write = "INSERT IGNORE INTO read_cursor (IF $found_mark = $mark { { id: read_cursor:x } }
                 ELSE { THROW 'tidegate: another database' })";
    assert_eq!(client.run(&Query::new("write", write)).await.map(drop), Err(QueryError::Taken));
}

#[tokio::test]
async fn one_that_shares_the_database_comes_back_where_nobody_forbids_it() {
    let client = database().await;
    take(&client, "us", &shared(), soon()).await.unwrap();
    let gone = Query::of_places("another process", "DELETE tidegate_owner:us");
    let read = Query::new("read", "SELECT * FROM thread");
    client.run(&gone).await.unwrap();
    other(&client, "them", true).await;
    assert_eq!(renew(&client).await, Err(QueryError::Taken), "they are alone");
    assert_eq!(client.run(&read).await.map(drop), Err(QueryError::Taken));
    age(&client, "them", super::ROW_SECONDS + 1).await;
    renew(&client).await.unwrap();
    client.run(&read).await.unwrap();
}

#[tokio::test]
async fn one_whose_name_another_run_has_does_not_take_it_back() {
    let client = database().await;
    take(&client, "us", &shared(), soon()).await.unwrap();
    other(&client, "us", false).await;
    assert_eq!(renew(&client).await, Err(QueryError::Taken));
    let rows = fresh(&client).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.run.as_str()).collect::<Vec<_>>(), ["their run"]);
}

#[tokio::test]
async fn a_late_row_of_those_who_share_is_nobodys_business() {
    let client = database().await;
    other(&client, "them", false).await;
    age(&client, "them", super::ROW_SECONDS + 1).await;
    take(&client, "us", &shared(), soon()).await.unwrap();
    let theirs = Query::new("look", "SELECT VALUE run FROM tidegate_owner:them");
    let found: Vec<String> = client.run(&theirs).await.unwrap().rows(0).unwrap();
    assert_eq!(found, ["their run"]);
}

#[tokio::test]
async fn the_same_name_comes_back_at_once_and_stops_the_one_before() {
    let client = database().await;
    take(&client, "us", &Tenure::Alone, soon()).await.unwrap();
    other(&client, "us", true).await;
    assert_eq!(renew(&client).await, Err(QueryError::Taken), "another run has our name");
}

#[tokio::test]
async fn a_place_that_is_given_back_is_free() {
    let client = database().await;
    take(&client, "us", &Tenure::Alone, soon()).await.unwrap();
    give_back(&client, soon()).await;
    assert_eq!(renew(&client).await, Err(QueryError::Taken), "it is not ours any more");
}

/// Claims and withdrawals at one time: at no time do two believe to be alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_come_at_once_one_at_a_time_is_alone() {
    let client = Arc::new(database().await);
    let (inside, served) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut processes = JoinSet::new();
    for n in 0..4 {
        let (client, inside) = (Arc::clone(&client), Arc::clone(&inside));
        let served = Arc::clone(&served);
        processes.spawn(async move {
            let name = format!("p{n}");
            let run = "run".to_owned();
            for _ in 0..200 {
                super::claim(&client, &name, &run, &Tenure::Alone).await.unwrap();
                let rows = fresh(&client).await.unwrap();
                if !rows.iter().any(|row| row.forbids(&name, &Tenure::Alone)) {
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two are alone");
                    served.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
                super::withdraw(&client, &name, &run, soon()).await.unwrap();
                if n > 0 {
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    while let Some(ended) = processes.join_next().await {
        ended.unwrap();
    }
    assert!(served.load(Ordering::SeqCst) > 0, "somebody was");
}
