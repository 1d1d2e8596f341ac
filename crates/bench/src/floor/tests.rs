//! The floor over real sockets.

use std::{io::Read, net::TcpStream, thread, thread::JoinHandle};

use super::*;

/// A floor on a thread; it ends when this is dropped.
struct Running {
    address: SocketAddr,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

fn start(writes: Writes) -> Running {
    let floor = Floor::bind("127.0.0.1:0".parse().unwrap(), writes, 100).unwrap();
    let address = floor.listener.local_addr().unwrap();
    let stop = Stop::default();
    let stopped = stop.clone();
    let thread = Some(thread::spawn(move || floor.run(&stopped).unwrap()));
    Running { address, stop, thread }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.ask();
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Running {
    fn send(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    fn subscribe(&self, back: u32) -> TcpStream {
        let mut stream = self.send(&format!("GET /1 HTTP/1.1\r\nback: {back}\r\n\r\n"));
        expect(&mut stream, SSE_HEAD);
        stream
    }

    fn publish(&self, frames: &str, events: u32) {
        let length = frames.len();
        let head =
            format!("POST /1 HTTP/1.1\r\nevents: {events}\r\ncontent-length: {length}\r\n\r\n");
        expect(&mut self.send(&(head + frames)), PUBLISHED);
    }
}

#[track_caller]
fn expect(stream: &mut TcpStream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    stream.read_exact(&mut read).unwrap();
    assert_eq!(String::from_utf8_lossy(&read), String::from_utf8_lossy(bytes));
}

#[test]
fn readers_get_the_frames_from_their_place_on() {
    for writes in [Writes::One, Writes::All] {
        let floor = start(writes);
        let mut early = floor.subscribe(0);
        floor.publish("aabb", 2);
        expect(&mut early, b"aabb");
        let mut back = floor.subscribe(1);
        let mut live = floor.subscribe(0);
        floor.publish("cc", 1);
        expect(&mut early, b"cc");
        expect(&mut back, b"bbcc");
        expect(&mut live, b"cc");
    }
}

#[test]
fn a_reader_that_stops_reading_misses_nothing() {
    let frame = "x".repeat(99_999) + "\n";
    for writes in [Writes::One, Writes::All] {
        let floor = start(writes);
        let mut slow = floor.subscribe(0);
        let mut gone = Some(floor.subscribe(0));
        for _ in 0..100 {
            floor.publish(&frame, 1);
            gone.take();
        }
        for _ in 0..100 {
            expect(&mut slow, frame.as_bytes());
        }
    }
}
