//! Where Redis is: one server, what sentinels name, or a cluster. Parsing is pure.
//!
//! | address | what |
//! |---|---|
//! | `redis://[USER:PASSWORD@]HOST[:PORT][/DB]` | one server |
//! | `redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,…]/SERVICE[/DB]` | the primary that sentinels name |
//! | `redis+cluster://[USER:PASSWORD@]HOST[:PORT][,…]` | a cluster that some of its nodes tell of |
//!
//! `rediss` in place of `redis` is TLS. User and password are the servers'; those of sentinels stand
//! in `?sentinel_username=…&sentinel_password=…`.

use std::{fmt, fs, path::Path};

use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion,
    RedisConnectionInfo, RedisError, TlsCertificates,
};

use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use super::{
    failure::Failure,
    options::{RedisAddressError, RedisIdentity},
};

const SERVER_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// What is found at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Sentinel { service: String },
    Cluster,
}

/// One server's place on the network.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) port: u16,
}

/// An address that was read. It holds passwords, and so can't be printed.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) kind: Kind,
    /// The sentinels, or nodes of the cluster; none of a single server.
    pub(super) hosts: Vec<Host>,
    server: ConnectionInfo,
    of_sentinels: RedisConnectionInfo,
    tls: bool,
    /// The authority that signs the servers' certificates; the system's where there is none.
    authority: Option<Vec<u8>>,
    /// Certificate and key by which the servers know us.
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

fn wrong(what: impl fmt::Display) -> RedisAddressError {
    RedisAddressError(format!("not a Redis address: {what}"))
}

impl Address {
    /// Reads an address, and the files of the authority and of what we are known by where they are
    /// named.
    pub(super) fn read(
        url: &str,
        authority: Option<&Path>,
        identity: Option<&RedisIdentity>,
    ) -> Result<Self, RedisAddressError> {
        let mut address = Address::parse(url)?;
        if let Some(file) = authority {
            let unread = |error| {
                let file = file.display();
                RedisAddressError(format!("the CA file {file} can't be read: {error}"))
            };
            address.authority = Some(fs::read(file).map_err(unread)?);
            let unusable = |why: &str| {
                RedisAddressError(format!("the CA file {} can't be used: {why}", file.display()))
            };
            if !address.tls {
                return Err(unusable("the address is not one of TLS"));
            }
            let text = address.authority.as_deref().unwrap_or_default();
            if !String::from_utf8_lossy(text).contains("-----BEGIN CERTIFICATE-----") {
                return Err(unusable("it holds no certificate"));
            }
            let wrong = |failure: Failure| unusable(&failure.reason);
            address.client(address.server.clone()).map_err(wrong)?;
        }
        if let Some(identity) = identity {
            address.take_identity(identity)?;
        }
        if address.tls {
            // An error says that a provider is there already; there is one in the workspace.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        Ok(address)
    }

    fn take_identity(&mut self, identity: &RedisIdentity) -> Result<(), RedisAddressError> {
        let RedisIdentity { cert_file, key_file } = identity;
        let refused = |file: &Path, why: &dyn fmt::Display| {
            RedisAddressError(format!("the file {} can't be used: {why}", file.display()))
        };
        if !self.tls {
            return Err(refused(cert_file, &"the address is not one of TLS"));
        }
        let cert = fs::read(cert_file).map_err(|error| refused(cert_file, &error))?;
        let key = fs::read(key_file).map_err(|error| refused(key_file, &error))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&cert).collect();
        let chain = chain.map_err(|error| refused(cert_file, &error))?;
        if chain.is_empty() {
            return Err(refused(cert_file, &"it holds no certificate"));
        }
        let private = PrivateKeyDer::from_pem_slice(&key);
        let private = private.map_err(|error| refused(key_file, &error))?;
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let pair = CertifiedKey::from_der(chain, private, &provider);
        pair.map_err(|error| refused(key_file, &format!("with that certificate: {error}")))?;
        self.identity = Some((cert, key));
        Ok(())
    }

    fn parse(url: &str) -> Result<Self, RedisAddressError> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("it has no scheme"))?;
        match scheme.split_once('+') {
            Some((plain @ ("redis" | "rediss"), "sentinel")) => Address::sentinel(plain, rest),
            Some((plain @ ("redis" | "rediss"), "cluster")) => Address::cluster(plain, rest),
            _ => {
                let server = server_info(url)?;
                Ok(Address::new(Kind::Single, Vec::new(), server))
            }
        }
    }

    fn new(kind: Kind, hosts: Vec<Host>, server: ConnectionInfo) -> Self {
        let tls = matches!(server.addr(), ConnectionAddr::TcpTls { .. });
        let of_sentinels = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3);
        Address { kind, hosts, server, of_sentinels, tls, authority: None, identity: None }
    }

    fn sentinel(scheme: &str, rest: &str) -> Result<Self, RedisAddressError> {
        let parts = Parts::of(rest);
        let (service, db) = parts.path.split_once('/').unwrap_or((parts.path, ""));
        if service.is_empty() {
            return Err(wrong("it names no service of the sentinels"));
        }
        let hosts = parts.hosts(SENTINEL_PORT)?;
        let kind = Kind::Sentinel { service: service.to_owned() };
        let mut address = Address::new(kind, hosts, parts.server(scheme, db)?);
        for (name, value) in form_urlencoded::parse(parts.query.as_bytes()) {
            let info = address.of_sentinels.clone();
            address.of_sentinels = match &*name {
                "sentinel_username" => info.set_username(value),
                "sentinel_password" => info.set_password(value),
                _ => return Err(wrong(format_args!("the parameter `{name}` is unknown"))),
            };
        }
        Ok(address)
    }

    fn cluster(scheme: &str, rest: &str) -> Result<Self, RedisAddressError> {
        let parts = Parts::of(rest);
        if !matches!(parts.path, "" | "0") || !parts.query.is_empty() {
            return Err(wrong(
                "nothing follows the hosts of a cluster: it has the database 0 alone",
            ));
        }
        Ok(Address::new(Kind::Cluster, parts.hosts(SERVER_PORT)?, parts.server(scheme, "")?))
    }

    /// Returns what connects to the single server.
    pub(super) fn single_server(&self) -> Result<Client, Failure> {
        self.client(self.server.clone())
    }

    /// Returns what connects to a server that sentinels or nodes named.
    pub(super) fn server_at(&self, host: &Host) -> Result<Client, Failure> {
        self.client(self.server.clone().set_addr(self.at(host)))
    }

    /// Returns what connects to a sentinel.
    pub(super) fn sentinel_at(&self, host: &Host) -> Result<Client, Failure> {
        let info = self.server.clone().set_addr(self.at(host));
        self.client(info.set_redis_settings(self.of_sentinels.clone()))
    }

    fn at(&self, host: &Host) -> ConnectionAddr {
        let Host { name, port } = host.clone();
        if self.tls {
            ConnectionAddr::TcpTls { host: name, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(name, port)
        }
    }

    fn client(&self, info: ConnectionInfo) -> Result<Client, Failure> {
        let is_plain = self.authority.is_none() && self.identity.is_none();
        let client = if self.tls && !is_plain {
            let root_cert = self.authority.clone();
            let client_tls = self.identity.clone();
            let client_tls = client_tls
                .map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key });
            Client::build_with_tls(info, TlsCertificates { client_tls, root_cert })
        } else {
            Client::open(info)
        };
        client.map_err(|error| Failure::refused(error.to_string()))
    }
}

/// Reads what the client library can.
fn server_info(url: &str) -> Result<ConnectionInfo, RedisAddressError> {
    let info = url.into_connection_info();
    // Its detail may repeat parts of the address.
    let info = info.map_err(|error: RedisError| wrong(error.category()))?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    // One command less that a user has to be allowed.
    let settings = settings.set_skip_set_lib_name();
    Ok(info.set_redis_settings(settings))
}

/// What follows the scheme: `[CREDENTIALS@]HOSTS[/PATH][?QUERY]`.
struct Parts<'a> {
    credentials: Option<&'a str>,
    hosts: &'a str,
    path: &'a str,
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn of(rest: &'a str) -> Self {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => (Some(credentials), hosts),
            None => (None, authority),
        };
        Parts { credentials, hosts, path: path.trim_end_matches('/'), query }
    }

    fn hosts(&self, port: u16) -> Result<Vec<Host>, RedisAddressError> {
        let host = |text| Host::parse(text, port).ok_or_else(|| wrong("a host that is none"));
        self.hosts.split(',').map(host).collect()
    }

    /// Reads credentials and database as those of one server, whose place is set later.
    fn server(&self, scheme: &str, db: &str) -> Result<ConnectionInfo, RedisAddressError> {
        let credentials = self.credentials.map(|text| format!("{text}@")).unwrap_or_default();
        server_info(&format!("{scheme}://{credentials}localhost/{db}"))
    }
}

impl Host {
    /// Reads `NAME`, `NAME:PORT`, `[IPV6]` or `[IPV6]:PORT`.
    pub(super) fn parse(text: &str, default_port: u16) -> Option<Host> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok()?,
            None if port.is_empty() => default_port,
            None => return None,
        };
        let of_name = |c: char| c.is_ascii_alphanumeric() || "._-:".contains(c);
        let good = !name.is_empty() && name.chars().all(of_name);
        good.then(|| Host { name: name.to_owned(), port })
    }
}

#[cfg(test)]
mod tests;
