//! The client, against a server of a few ready answers.

use std::net::TcpListener;

use super::*;

/// Answers one request after the other; an answer of nothing closes the connection.
fn server(answers: Vec<&'static str>) -> (SocketAddr, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        for answer in answers {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            assert!(head.contains(&format!("x-api-key: {KEY}\r\n")), "{head}");
            stream.write_all(answer.as_bytes()).unwrap();
            if answer.contains("connection: close") {
                stream = listener.accept().unwrap().0;
            }
        }
    });
    (at, serving)
}

#[test]
fn answers_are_read_over_one_connection_and_over_the_next() {
    let (at, serving) = server(vec![
        "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{\"a\":1}",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 429 Too Many\r\ncontent-length: 4\r\n\r\nslow",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{x",
    ]);
    let mut client = Client::new(at);
    assert_eq!(client.document("/chains").unwrap()["a"], 1);
    assert_eq!(client.get("/transactions/0x").unwrap(), None);
    let refusal = client.get("/chains").unwrap_err().to_string();
    assert_eq!(refusal, "the server /chains answers 429: slow");
    let refusal = client.document("/chains").unwrap_err().to_string();
    assert!(refusal.starts_with("the server /chains answers with no JSON"), "{refusal}");
    serving.join().unwrap();
}

#[test]
fn a_server_that_is_gone_is_an_error() {
    let (at, serving) = server(Vec::new());
    let error = Client::new(at).get("/chains").unwrap_err().to_string();
    serving.join().unwrap();
    assert!(error.starts_with("the server /chains is not answered"), "{error}");
}
