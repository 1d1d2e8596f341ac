//! Connections of a process.

use std::{collections::HashSet, fs};

/// The state of an established connection, as `/proc/net/tcp` writes it.
const ESTABLISHED: &str = "01";

/// Returns how many connections over IPv4 a process has to a port.
pub(crate) fn connections_to(pid: u32, port: u16) -> usize {
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
    let to_port = inodes_to(&table, port);
    let held = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let held = held.filter_map(|file| fs::read_link(file.path()).ok());
    held.filter(|link| to_port.contains(&*link.to_string_lossy())).count()
}

/// Returns what the links of sockets that are connected to a port are called.
fn inodes_to(table: &str, port: u16) -> HashSet<String> {
    let port = format!(":{port:04X}");
    let of_line = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [_, _, remote, state, _, _, _, _, _, inode, ..] = words.as_slice() else { return None };
        let is_to = remote.ends_with(&port) && *state == ESTABLISHED;
        is_to.then(|| format!("socket:[{inode}]"))
    };
    table.lines().skip(1).filter_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::connections_to;

    #[test]
    fn connections_to_a_port_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let own = std::process::id();
        assert_eq!(connections_to(own, at.port()), 0);
        let mut streams: Vec<_> = (0..3).map(|_| TcpStream::connect(at).unwrap()).collect();
        assert_eq!(connections_to(own, at.port()), 3);
        streams.pop();
        assert_eq!(connections_to(own, at.port()), 2);
    }
}
