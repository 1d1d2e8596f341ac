//! The ClickHouse sink against a server that answers as ClickHouse does.

use std::collections::VecDeque;
use std::sync::Arc;

use journal::{ClickHouse, ClickHouseError, ClickHouseOptions, Committed, Seq, Sink, SinkError};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const OK: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nX-ClickHouse-Query-Id: 1\r\n\
                  Content-Length: 0\r\n\r\n";

/// Answers each request with the next of some answers, then closes.
struct Fake {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Fake {
    async fn start(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let mut answers: VecDeque<String> = answers.iter().map(ToString::to_string).collect();
        let mut task = JoinSet::new();
        let seen = Arc::clone(&requests);
        task.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let text = request(&mut stream).await;
                seen.lock().push(text);
                let answer = answers.pop_front().unwrap_or_else(|| OK.to_owned());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, requests, _task: task }
    }

    fn sink(&self) -> ClickHouse {
        let row = |record: &[u8], _: Seq, stamp: u64| serde_json::json!({ "text": String::from_utf8_lossy(record), "stamp": stamp });
        ClickHouse::new(options(&self.url), Arc::new(row)).unwrap()
    }
}

fn options(url: &str) -> ClickHouseOptions {
    ClickHouseOptions {
        url: url.to_owned(),
        database: "chain".to_owned(),
        table: "facts".to_owned(),
        columns: "stamp UInt64, text String".to_owned(),
        user: Some("writer".to_owned()),
        password: Some("hunter2".to_owned()),
    }
}

async fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let len = head.split("content-length: ").nth(1).and_then(|rest| {
                rest.split("\r\n").next().and_then(|len| len.parse::<usize>().ok())
            });
            if body.len() >= len.unwrap_or(0) {
                return text;
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return text;
        }
    }
}

fn batch() -> Vec<Committed> {
    let records = [&b"one"[..], b"two"].map(bytes::Bytes::from_static);
    let first = Seq::new(7).unwrap();
    vec![Committed { first, records: records.into(), stamp: 5, persisted_unix_ms: 6 }]
}

fn failure(status: &str, text: &str) -> String {
    let len = text.len();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len}\r\n\r\n{text}")
}

#[tokio::test]
async fn rows_are_inserted_with_their_numbers_into_a_table_that_is_made() {
    let fake = Fake::start(&[]).await;
    let sink = fake.sink();
    sink.write(&batch()).await.unwrap();
    sink.write(&batch()).await.unwrap();
    let requests = fake.requests.lock().clone();
    assert_eq!(requests.len(), 3, "the table is made once");
    assert!(
        requests[0].contains("CREATE+TABLE+IF+NOT+EXISTS") && requests[0].contains("Replacing")
    );
    assert!(requests[1].contains("INSERT+INTO"), "{}", requests[1]);
    assert!(requests[1].to_lowercase().contains("x-clickhouse-key: hunter2"));
    let rows: Vec<_> = requests[1].split("\r\n\r\n").nth(1).unwrap().lines().collect();
    assert_eq!(
        rows,
        [r#"{"seq":7,"stamp":5,"text":"one"}"#, r#"{"seq":8,"stamp":5,"text":"two"}"#]
    );
}

#[tokio::test]
async fn answers_tell_what_may_be_tried_again_and_show_no_secret() {
    let busy = failure("500 Internal Server Error", "Code: 252. DB::Exception: Too many parts");
    let login =
        failure("403 Forbidden", "Code: 516. DB::Exception: writer: password hunter2 is incorrect");
    let row = failure("400 Bad Request", "Code: 27. DB::Exception: Cannot parse input");
    let late = failure("200 OK", "Code: 241. DB::Exception: Memory limit exceeded");
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf".to_owned();
    for (answer, retryable) in
        [(busy, true), (login, true), (row, false), (late, true), (cut, true)]
    {
        let fake = Fake::start(&[OK, &answer]).await;
        let failed: SinkError = fake.sink().write(&batch()).await.unwrap_err();
        assert_eq!(failed.retryable, retryable, "{failed}");
        let shown = failed.to_string();
        assert!(!shown.contains("hunter2") && !shown.contains("writer"), "{shown}");
    }
}

#[tokio::test]
async fn what_is_no_clickhouse_has_stored_nothing_and_is_not_led_to() {
    let elsewhere = Fake::start(&[]).await;
    let redirect = |status: &str| {
        let to = &elsewhere.url;
        format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let page = failure("200 OK", "<html>sign in</html>");
    let empty = failure("204 No Content", "");
    for answer in [page, empty, redirect("302 Found"), redirect("307 Temporary Redirect")] {
        let fake = Fake::start(&[OK, &answer]).await;
        let failed: SinkError = fake.sink().write(&batch()).await.unwrap_err();
        assert!(failed.retryable, "{failed}");
    }
    assert_eq!(elsewhere.requests.lock().len(), 0, "the password went elsewhere");
}

#[tokio::test]
async fn a_server_that_is_away_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let sink = ClickHouse::new(options(&url), Arc::new(|_, _, _| serde_json::json!({}))).unwrap();
    assert!(sink.write(&batch()).await.unwrap_err().retryable);
}

#[test]
fn an_address_with_a_password_and_names_with_quotes_are_refused() {
    let new = |options| ClickHouse::new(options, Arc::new(|_, _, _| serde_json::json!({})));
    assert!(matches!(new(options("http://me:pw@127.0.0.1")), Err(ClickHouseError::Url)));
    let quoted = ClickHouseOptions { table: "a`b".to_owned(), ..options("http://127.0.0.1") };
    assert!(matches!(new(quoted), Err(ClickHouseError::Name("table"))));
}
