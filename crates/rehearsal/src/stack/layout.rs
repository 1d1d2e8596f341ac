//! Where everything is, before anything runs.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use guard::Arm;
use tempfile::TempDir;

use super::{StackSettings, begin::Begin};
use crate::{StackError, port::Port};

/// The longest path of a socket that HAProxy takes, with what it adds while it begins.
const SOCKET_BYTES_MAX: usize = 90;

const SOCKET: &str = "haproxy.sock";

/// Where everything is, before anything runs: what the router's configuration is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The router's folder, for its configuration and maps.
    pub folder: PathBuf,
    /// Where clients come to.
    pub bind: SocketAddr,
    /// Where the router's runtime socket is to be.
    pub socket: PathBuf,
    /// Replicas of the version that is there.
    pub stable: Vec<Slot>,
    /// Places for replicas of the new version.
    pub canary: Vec<Slot>,
}

/// A replica's place, whether one runs there or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The replica's name, by which the router knows it too.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Layout {
    pub(super) fn slots(&self) -> impl Iterator<Item = (Arm, &Slot)> {
        let stable = self.stable.iter().map(|slot| (Arm::Stable, slot));
        stable.chain(self.canary.iter().map(|slot| (Arm::Canary, slot)))
    }
}

/// Takes a port for each replica and for the router.
pub(super) fn layout(
    settings: &StackSettings,
    begin: &Begin,
) -> Result<(Layout, Port, Vec<Port>, Option<TempDir>), StackError> {
    let folder = begin.folder("router")?;
    let (socket, short) = socket(&folder)?;
    let bind = Port::take()?;
    let mut ports = Vec::new();
    let mut slots = |arm: &str, count: usize| -> Result<Vec<Slot>, StackError> {
        let slot = |number| {
            ports.push(Port::take()?);
            let address = ports[ports.len() - 1].address();
            Ok(Slot { name: format!("{arm}-{number}"), address })
        };
        (1..=count).map(slot).collect()
    };
    let stable = slots("stable", settings.stable_replicas)?;
    let canary = slots("canary", settings.canary_replicas)?;
    Ok((Layout { folder, bind: bind.address(), socket, stable, canary }, bind, ports, short))
}

/// Returns where the socket is to be: in the router's folder, or in one with a shorter path, that goes
/// with the stack, where that one's is too long for a socket.
fn socket(folder: &Path) -> Result<(PathBuf, Option<TempDir>), StackError> {
    let socket = folder.join(SOCKET);
    if socket.as_os_str().len() <= SOCKET_BYTES_MAX {
        return Ok((socket, None));
    }
    let short = tempfile::Builder::new().prefix("tidegate").tempdir();
    let short = short.map_err(StackError::file(folder, "given a socket elsewhere"))?;
    let socket = short.path().join(SOCKET);
    if socket.as_os_str().len() > SOCKET_BYTES_MAX {
        return Err(StackError::Settings(format!(
            "the path of the router's socket, {}, is too long for a socket; name a folder with a \
             shorter path",
            socket.display()
        )));
    }
    Ok((socket, Some(short)))
}
