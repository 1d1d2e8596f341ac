//! One connection through the proxy: two directions, and how both sockets end.

use std::pin::pin;

use tokio::{net::TcpStream, sync::watch};

use super::{
    pipe::{End, pass},
    toxic::{Direction, Toxics},
};

/// Passes on both directions until both ended, or the connection is to be cut.
pub(super) async fn serve(
    mut client: TcpStream,
    mut server: TcpStream,
    toxics: watch::Receiver<Toxics>,
) {
    // Small pieces are to be seen as such.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let end = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let up = pass(from_client, to_server, Direction::Upstream, toxics.clone());
        let down = pass(from_server, to_client, Direction::Downstream, toxics);
        let (mut up, mut down) = (pin!(up), pin!(down));
        let (first, up_is_first) = tokio::select! {
            end = &mut up => (end, true),
            end = &mut down => (end, false),
        };
        match first {
            End::Passed if up_is_first => down.await,
            End::Passed => up.await,
            end => end,
        }
    };
    if end == End::Reset {
        // Closing sends RST, with nothing lingering.
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}
