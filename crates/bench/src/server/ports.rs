//! Free ports on the loopback address.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

/// Returns so many addresses that nobody listens on, all different.
///
/// # Errors
/// Fails where the system has none.
pub(super) fn free<const N: usize>() -> io::Result<[SocketAddr; N]> {
    // All are held until the last is known, or one could be given twice.
    let held: Vec<_> =
        (0..N).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<io::Result<_>>()?;
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for (address, listener) in addresses.iter_mut().zip(&held) {
        *address = listener.local_addr()?;
    }
    Ok(addresses)
}
