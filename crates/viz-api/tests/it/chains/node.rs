//! A real node, and a TLS server before it.

use std::{
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use faults::Certificates;
use serde_json::{Value, json};
use tokio::{io::copy_bidirectional, net::TcpListener, task::JoinSet};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::support::http::Request;

/// Two accounts that anvil gives money to.
pub(super) const RICH: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
pub(super) const OTHER: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

/// anvil, ended when it is dropped.
pub(super) struct Node {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Node {
    /// Starts it on a port, 0 for a free one.
    pub(super) fn start(port: u16, arguments: &[&str]) -> Node {
        let named = std::env::var_os("ANVIL_BIN").filter(|name| !name.is_empty());
        let mut command = Command::new(named.unwrap_or_else(|| "anvil".into()));
        let port = port.to_string();
        command.args(["--host", "127.0.0.1", "--port", &port, "--no-mining"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect(
            "these tests need anvil 1.7.1: `cargo xtask test` gets it, or name it in ANVIL_BIN",
        );
        let (tell, told) = mpsc::sync_channel(1);
        let output = child.stdout.take().expect("it is piped");
        // It is read to its end, so that the node never waits for room.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("Listening on ") {
                    let _ = tell.try_send(address.trim().parse());
                }
            }
        });
        let address = told.recv_timeout(Duration::from_secs(60)).expect("it listens");
        Node { child, address: address.expect("it is an address") }
    }

    pub(super) fn ask(&self, method: &str, params: &Value) -> Value {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = Request::post("/").header("host", "127.0.0.1").json(&call.to_string());
        let answer = request.send_to(self.address).json();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    pub(super) fn mine(&self, blocks: u64) {
        self.ask("anvil_mine", &json!([format!("{blocks:#x}")]));
    }

    pub(super) fn pay(&self) {
        self.ask("eth_sendTransaction", &json!([{"from": RICH, "to": OTHER, "value": "0x1"}]));
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes TLS away before what it hands on to a node.
pub(super) struct Tls {
    pub(super) port: u16,
    // Ends first.
    _tasks: JoinSet<()>,
    _runtime: tokio::runtime::Runtime,
}

impl Tls {
    /// Listens at an address of loopback with a server's certificate.
    pub(super) fn before(node: &Node, certificates: &Certificates, at: Ipv4Addr) -> Tls {
        let (certificate, key) = certificates.server();
        let chain = CertificateDer::pem_file_iter(certificate).expect("it was made");
        let chain = chain.collect::<Result<Vec<_>, _>>().expect("it is whole");
        let key = PrivateKeyDer::from_pem_file(key).expect("it was made");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("they belong together");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("there are threads");
        let listener = runtime.block_on(TcpListener::bind((at, 0))).expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let mut tasks = JoinSet::new();
        tasks.spawn_on(serve(listener, acceptor, node.address), runtime.handle());
        Tls { port, _tasks: tasks, _runtime: runtime }
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, to: SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            let Ok(mut inside) = acceptor.accept(stream).await else { return };
            let Ok(mut outside) = tokio::net::TcpStream::connect(to).await else { return };
            let _ = copy_bidirectional(&mut inside, &mut outside).await;
        });
    }
}
