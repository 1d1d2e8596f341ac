//! What a replica is told of a client, and what HAProxy itself answers.

use std::{
    io::{BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use socket2::{Domain, Socket, Type};

use crate::support::{
    edge::{Edge, EdgePlan, in_workspace},
    http::{Request, connect, read_head},
    wait::{PATIENCE, until},
};

/// A server that writes down what it is asked, and answers each alike, but that it is ready.
#[derive(Clone)]
struct Recorder {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<Vec<String>>>>,
}

impl Recorder {
    fn start(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let recorder = Recorder { address, heads: Arc::default() };
        let heads = Arc::clone(&recorder.heads);
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let head = head_of(&mut stream);
                let is_check = head.first().is_some_and(|line| line.contains(" /ready "));
                let status = if is_check { "200 OK" } else { status };
                heads.lock().expect("no holder panics").push(head);
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        recorder
    }

    /// Returns how often it was asked for a path.
    fn count(&self, path: &str) -> usize {
        let heads = self.heads.lock().expect("no holder panics");
        heads.iter().filter(|head| head.first().is_some_and(|line| line.contains(path))).count()
    }

    /// Returns the values of a header in the request for a path.
    fn values(&self, path: &str, name: &str) -> Vec<String> {
        let heads = self.heads.lock().expect("no holder panics");
        let is_it = |head: &&Vec<String>| head.first().is_some_and(|line| line.contains(path));
        let head = heads.iter().find(is_it).unwrap_or_else(|| panic!("no {path}: {heads:?}"));
        let of = |line: &String| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then(|| value.to_owned())
        };
        head.iter().filter_map(of).collect()
    }
}

fn head_of(stream: &mut TcpStream) -> Vec<String> {
    stream.set_read_timeout(Some(PATIENCE)).expect("the time is not zero");
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while !bytes.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        bytes.push(byte[0]);
    }
    String::from_utf8_lossy(&bytes).trim_end().lines().map(str::to_owned).collect()
}

/// Connects from another address of this machine.
fn connect_from(source: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are sockets");
    socket.bind(&SocketAddr::from((source, 0)).into()).expect("it is a loopback address");
    socket.connect(&to.into()).expect("haproxy listens");
    socket.set_read_timeout(Some(PATIENCE)).expect("the time is not zero");
    socket.into()
}

fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it is bound")
}

#[test]
fn a_replica_learns_the_true_address_and_the_client_s_own_request_id() {
    let recorder = Recorder::start("200 OK");
    let edge = EdgePlan::before([recorder.address; 2]).start();
    let mut client = connect_from([127, 0, 0, 77], edge.address);
    let forged = "x-forwarded-for: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\n\
         forwarded: for=10.0.0.3\r\nx-real-ip: 10.0.0.4\r\nx-forwarded-proto: https\r\n\
         x-request-id: r-1\r\nidempotency-key: k-1\r\nlast-event-id: c-1\r\n";
    let request = format!("GET /path?ticket=secret HTTP/1.1\r\nhost: test\r\n{forged}\r\n");
    client.write_all(request.as_bytes()).expect("a request is taken");
    assert_eq!(read_head(&mut BufReader::new(&client)).status, 200);
    let values = |name: &str| recorder.values("/path?ticket=secret", name);
    assert_eq!(values("x-forwarded-for"), ["127.0.0.77"]);
    assert_eq!(values("x-forwarded-proto"), ["http"]);
    assert_eq!([values("forwarded"), values("x-real-ip")], [vec![], vec![]] as [Vec<String>; 2]);
    for (name, value) in [("x-request-id", "r-1"), ("idempotency-key", "k-1"), ("host", "test")] {
        assert_eq!(values(name), [value], "{name}");
    }
    assert_eq!(values("last-event-id"), ["c-1"]);
    drop(client);
    until("the request is in the log", || edge.log().contains("GET /path"));
    assert!(edge.log().contains("127.0.0.77:"), "{}", edge.log());
    assert!(!edge.log().contains("secret"), "a ticket is no matter for a log: {}", edge.log());
}

/// A replica that begins to end refuses for a moment before it is taken out.
#[test]
fn what_a_replica_refuses_is_asked_of_the_other_one_where_that_is_harmless() {
    const ASKED: usize = 8;
    let refusing = Recorder::start("503 Service Unavailable");
    let taking = Recorder::start("200 OK");
    let edge = EdgePlan::before([refusing.address, taking.address]).start();
    let keyed = Request::new("POST", "/keyed").header("idempotency-key", "k");
    for request in [Request::new("GET", "/read"), keyed] {
        for _ in 0..ASKED {
            assert_eq!(edge.send(&request).status, 200, "{request:?}");
        }
    }
    assert!(refusing.count("/read") > 0 && refusing.count("/keyed") > 0, "it was asked first");
    let bare = Request::new("POST", "/bare");
    let refused = (0..ASKED).filter(|_| edge.send(&bare).status == 503).count();
    assert!(refused > 0);
    assert_eq!([refusing.count("/bare"), taking.count("/bare")], [refused, ASKED - refused]);
}

/// Nothing but the end of the client's connection can end this stream before the test has failed.
#[test]
fn who_leaves_a_silent_stream_is_gone_at_the_replica() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    let ended = Arc::new(Mutex::new(0));
    let of_server = Arc::clone(&ended);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let ended = Arc::clone(&of_server);
            thread::spawn(move || {
                if head_of(&mut stream).first().is_some_and(|line| line.contains(" /ready ")) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                    return;
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nbegun");
                stream.set_read_timeout(None).expect("there may be none");
                let _ = stream.read(&mut [0]);
                *ended.lock().expect("no holder panics") += 1;
            });
        }
    });
    let edge = EdgePlan::before([address; 2]).set("EDGE_STREAM_TIMEOUT", "3600s").start();
    let mut client = connect(edge.address);
    client.write_all(b"GET /path HTTP/1.1\r\nhost: test\r\n\r\n").expect("a request is taken");
    let mut begun = Vec::new();
    while !begun.ends_with(b"begun") {
        let mut byte = [0];
        client.read_exact(&mut byte).expect("it begins");
        begun.extend(byte);
    }
    assert_eq!(*ended.lock().expect("no holder panics"), 0);
    drop(client);
    until("it has ended at the replica", || *ended.lock().expect("no holder panics") == 1);
}

#[test]
fn what_haproxy_says_has_the_form_of_every_error() {
    let edge = EdgePlan::before([nobody(), nobody()]).start_unready();
    until("nobody is in", || {
        ["replica-1", "replica-2"].iter().all(|replica| edge.state_of(replica) == "DOWN")
    });
    let answer = edge.send(&Request::new("POST", "/api/events").json("{}"));
    answer.assert_error(503, "unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
    edge.send(&Request::new("GET", "/metrics")).assert_error(404, "not_found");
}

/// A browser comes back after a broken connection, and never after an error status.
#[test]
fn a_stream_that_nobody_can_serve_is_no_error_status() {
    let edge = EdgePlan::before([nobody(), nobody()]).start_unready();
    until("nobody is in", || {
        ["replica-1", "replica-2"].iter().all(|replica| edge.state_of(replica) == "DOWN")
    });
    for path in ["/api/stream?after=x", "/v1/chat/threads/thr_1/messages/stream"] {
        let mut stream = connect(edge.address);
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("a request is taken");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{path}: {}", String::from_utf8_lossy(&answer));
    }
}

#[test]
fn its_own_figures_and_life_are_on_a_port_of_their_own() {
    let edge = EdgePlan::before([nobody(), nobody()]).start_unready();
    let figures = Request::new("GET", "/metrics").send_to(edge.figures);
    assert_eq!(figures.status, 200);
    assert!(figures.text().contains("haproxy_backend_active_servers"), "{}", figures.text());
    assert_eq!(is_healthy(&edge), Some(0));
    let port = edge.figures.port();
    drop(edge);
    assert_ne!(check_of_compose(port), Some(0), "it would be called healthy dead");
}

fn is_healthy(edge: &Edge) -> Option<i32> {
    check_of_compose(edge.figures.port())
}

/// Runs the health check of the compose file against another port.
fn check_of_compose(port: u16) -> Option<i32> {
    let text = std::fs::read_to_string(in_workspace("deploy/docker-compose.yml"));
    let text = text.expect("it is there");
    let line = text.lines().find(|line| line.contains("/dev/tcp/")).expect("there is that check");
    let list = line.trim().strip_prefix("test: ").expect("it is the test");
    let words: Vec<String> = serde_json::from_str(list).expect("a list of JSON");
    let script = words[3].replace("$$", "$").replace("8404", &port.to_string());
    assert_eq!(words[..3], ["CMD", "bash", "-c"]);
    let run = Command::new(&words[1]).arg("-c").arg(script).output().expect("there is a shell");
    run.status.code()
}
