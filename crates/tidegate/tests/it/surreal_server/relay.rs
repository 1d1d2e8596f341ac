//! A relay before a server that changes what the server says, or takes so many connections and no
//! more.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
};

/// What is done to connections.
#[derive(Clone, Copy)]
pub(super) enum Harm {
    /// In what the server says this stands in the place of that; both have one length.
    Says(&'static [u8], &'static [u8]),
    /// Later connections are closed at once.
    Connections(usize),
    /// Later connections are taken, and never answered.
    SilentAfter(usize),
    /// Of an answer to Server-Sent Events so many bytes come, as from a proxy that buffers.
    Buffers(usize),
}

/// Starts a relay; its threads end with the test's process.
pub(super) fn relay(server: SocketAddr, harm: Harm) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut silent = Vec::new();
        for (number, client) in listener.incoming().map_while(Result::ok).enumerate() {
            match harm {
                Harm::SilentAfter(most) if number >= most => silent.push(client),
                Harm::Connections(most) if number >= most => drop(client),
                _ => pass(client, TcpStream::connect(server).unwrap(), harm),
            }
        }
    });
    address
}

fn pass(client: TcpStream, server: TcpStream, harm: Harm) {
    let (mut from_client, mut to_server) =
        (client.try_clone().unwrap(), server.try_clone().unwrap());
    let mut change = match harm {
        Harm::Says(that, this) => Change::Words(that, this),
        Harm::Connections(_) | Harm::SilentAfter(_) | Harm::Buffers(_) => Change::Nothing,
    };
    thread::spawn(move || {
        let mut first = vec![0; 4 << 10];
        let read = from_client.read(&mut first).unwrap_or(0);
        if let Harm::Buffers(bytes) = harm
            && String::from_utf8_lossy(&first[..read]).starts_with("GET /api/stream")
        {
            change = Change::Ends(bytes);
        }
        thread::spawn(move || copy(server, client, change));
        if to_server.write_all(&first[..read]).is_ok() {
            copy(from_client, to_server, Change::Nothing);
        }
    });
}

/// What is done to bytes.
#[derive(Clone, Copy)]
enum Change {
    Nothing,
    Words(&'static [u8], &'static [u8]),
    /// So many come, and no more.
    Ends(usize),
}

fn copy(mut from: TcpStream, mut to: TcpStream, mut change: Change) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let mut bytes = &mut buffer[..read];
        match &mut change {
            Change::Nothing => {}
            Change::Words(that, this) => {
                assert_eq!(that.len(), this.len());
                for at in 0..bytes.len().saturating_sub(that.len() - 1) {
                    if bytes[at..].starts_with(that) {
                        bytes[at..at + this.len()].copy_from_slice(this);
                    }
                }
            }
            Change::Ends(left) => {
                let taken = (*left).min(bytes.len());
                *left -= taken;
                bytes = &mut bytes[..taken];
            }
        }
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
