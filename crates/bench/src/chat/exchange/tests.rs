//! Connections ask and are answered, whatever the server does with them.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    thread,
};

use super::*;

/// Serves so many connections, one after the other: each gets one answer, and is closed.
fn server(answer: &'static str, connections: usize) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 100];
            // One that is opened for a request that never comes ends with its client.
            if stream.read(&mut request).is_ok_and(|read| read > 0) {
                stream.write_all(answer.as_bytes()).unwrap();
            }
        }
    };
    (address, thread::spawn(serve))
}

/// Asks so many times, and keeps what was answered.
struct Ask {
    left: usize,
    answers: Vec<(usize, u16)>,
}

impl Job for Ask {
    type What = usize;

    fn next(&mut self, _: usize, _: u64, _: u64) -> Next<usize> {
        if self.left == 0 {
            return Next::Nothing;
        }
        self.left -= 1;
        Next::Ask { bytes: b"GET / HTTP/1.1\r\n\r\n".to_vec(), what: self.left }
    }

    fn answered(&mut self, what: usize, answer: &Answer, _: u64) -> Result<(), String> {
        self.answers.push((what, answer.status));
        answer.refusal().map_or(Ok(()), Err)
    }
}

fn ask(address: SocketAddr, times: usize) -> (Result<Spent, String>, Vec<(usize, u16)>) {
    let mut ask = Ask { left: times, answers: Vec::new() };
    let mut exchange = Exchange::connect(&[address], 1).unwrap();
    let ran = exchange.run(&mut ask, Clock::start(), &Stop::default());
    (ran, ask.answers)
}

#[test]
fn a_connection_that_is_closed_with_its_answer_is_opened_again() {
    let ok = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    let (address, server) = server(ok, 4);
    let (ran, answers) = ask(address, 3);
    assert!(ran.is_ok());
    assert_eq!(answers, [(2, 200), (1, 200), (0, 200)]);
    server.join().unwrap();
}

#[test]
fn a_refusal_or_a_broken_connection_ends_the_job() {
    let (address, refusing) = server("HTTP/1.1 503 No\r\ncontent-length: 4\r\n\r\nlate", 1);
    let (ran, _) = ask(address, 3);
    assert_eq!(ran.err().as_deref(), Some("answers 503: late"));
    refusing.join().unwrap();
    let (address, closing) = server("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", 1);
    let (ran, answers) = ask(address, 3);
    assert_eq!(ran.err().as_deref(), Some("closed a publisher's connection"));
    assert_eq!(answers, []);
    closing.join().unwrap();
}
