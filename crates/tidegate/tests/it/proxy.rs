//! Behind a proxy that ends TLS and buffers what it passes on: nginx as it comes.

use std::{
    fs::File,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::command::{Running, run, start, tidegate};

const KEY: &str = "a-key-of-this-test";

/// How often another port is tried where somebody else took the first.
const TRIES: usize = 5;

/// How long nginx may take to listen.
const START_MAX: Duration = Duration::from_secs(30);

/// Time between two looks whether it does.
const PAUSE: Duration = Duration::from_millis(10);

/// What to do where a program of these tests is missing.
const ADVICE: &str = "run `cargo xtask setup`, or install the Debian packages `nginx-light` and \
                      `openssl`";

/// nginx before one server; it ends with the value.
struct Proxy {
    child: Child,
    port: u16,
    certificate: PathBuf,
}

impl Proxy {
    fn start(folder: &Path, upstream: &str) -> Self {
        let certificate = folder.join("proxy.pem");
        make_certificate(folder, &certificate);
        let log = folder.join("nginx.log");
        for _ in 0..TRIES {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let file = folder.join("nginx.conf");
            std::fs::write(&file, configuration(folder, port, upstream)).unwrap();
            let mut nginx = Command::new("nginx");
            nginx.arg("-p").arg(folder).arg("-c").arg(&file).args(["-e", "stderr"]);
            nginx.stdout(Stdio::null()).stderr(File::create(&log).unwrap());
            let child = nginx.spawn();
            let child = child.unwrap_or_else(|error| panic!("nginx: {error}; {ADVICE}"));
            let mut proxy = Proxy { child, port, certificate: certificate.clone() };
            if proxy.is_listening() {
                return proxy;
            }
        }
        panic!("nginx does not start: {}", std::fs::read_to_string(&log).unwrap());
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// Waits until nginx listens; `false` where it ended instead.
    fn is_listening(&mut self) -> bool {
        let until = Instant::now() + START_MAX;
        while self.child.try_wait().unwrap().is_none() {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            assert!(Instant::now() < until, "nginx neither listens nor ends");
            thread::park_timeout(PAUSE);
        }
        false
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn make_certificate(folder: &Path, certificate: &Path) {
    let line = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 \
                -subj /CN=localhost -addext subjectAltName=DNS:localhost \
                -addext basicConstraints=critical,CA:FALSE -keyout proxy.key";
    let mut words = line.split_whitespace();
    let mut openssl = Command::new(words.next().unwrap());
    openssl.args(words).arg("-out").arg(certificate).current_dir(folder);
    let made = openssl.output().unwrap_or_else(|error| panic!("openssl: {error}; {ADVICE}"));
    assert!(made.status.success(), "openssl makes no certificate: {made:?}");
}

fn configuration(folder: &Path, port: u16, upstream: &str) -> String {
    let folder = folder.display();
    format!(
        r#"daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/proxy.pem; ssl_certificate_key {folder}/proxy.key;
    location / {{
      proxy_pass http://{upstream};
      proxy_http_version 1.1;
      proxy_buffering on;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }}
  }}
}}
"#
    )
}

fn serve(folder: &Path, address: &str) -> (Running, String) {
    let mut command = tidegate(&["serve", "--json"]);
    command.current_dir(folder).env("VIZ_API_BIND", address);
    let server = start(command.env("TIDEGATE_KEYS", format!("org_a={KEY}")));
    let line = server.wait_for("viz-api listening");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    (server, line["bind_addr"].as_str().unwrap().to_owned())
}

#[track_caller]
fn misses_nothing(transport: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let lasting = format!("127.0.0.1:{}", faults::lasting_port());
    let (server, address) = serve(folder.path(), &lasting);
    let proxy = Proxy::start(folder.path(), &address);
    let client = |words: &[&str]| {
        let mut command = tidegate(words);
        command.args(["--url", &proxy.url()]).env("SSL_CERT_FILE", &proxy.certificate);
        command.current_dir(folder.path()).env("TIDEGATE_KEY", KEY);
        command
    };
    let publish = |n: u32| {
        let ran = run(&mut client(&["publish", "a.b", &format!(r#"{{"n":{n}}}"#), "--json"]));
        ran.json()["cursor"].as_str().unwrap().to_owned()
    };
    let words = [&["tail", "--count", "4", "--json"], transport].concat();
    let tail = start(&mut client(&words));
    tail.wait_for("connected to");
    let mut cursors: Vec<_> = (0..2).map(publish).collect();
    server.signal("TERM");
    assert_eq!(server.finish().code, 0);
    // The proxy answers 502 in the server's place, which is no reason to give up.
    tail.wait_for("reconnecting");
    let (server, _) = serve(folder.path(), &address);
    cursors.extend((2..4).map(publish));
    let ran = tail.finish();
    assert_eq!(ran.code, 0, "{ran:?}");
    let cursor = |line: &&str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["cursor"].as_str().unwrap().to_owned()
    };
    assert_eq!(ran.lines().iter().map(cursor).collect::<Vec<_>>(), cursors);
    server.signal("TERM");
    assert_eq!(server.finish().code, 0);
}

#[test]
fn an_event_stream_through_a_buffering_tls_proxy_misses_nothing() {
    misses_nothing(&[]);
}

#[test]
fn a_websocket_through_a_buffering_tls_proxy_misses_nothing() {
    misses_nothing(&["--ws"]);
}

#[test]
fn a_proxy_that_nobody_vouches_for_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (server, address) = serve(folder.path(), "127.0.0.1:0");
    let proxy = Proxy::start(folder.path(), &address);
    let mut publish = tidegate(&["publish", "a.b", "{}", "--url", &proxy.url()]);
    let ran = run(publish.current_dir(folder.path()).env("TIDEGATE_KEY", KEY));
    assert_eq!(ran.code, 69, "{ran:?}");
    assert!(ran.err.to_lowercase().contains("certificate"), "{ran:?}");
    server.signal("TERM");
    assert_eq!(server.finish().code, 0);
}
