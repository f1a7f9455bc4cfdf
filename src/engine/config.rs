//! The options of the engine.

use std::time::Duration;

use super::deflate::PerMessageDeflate;
use super::http_compression::HttpCompression;
use super::limit::LimitHook;
use super::transport_kind::{Transport, Transports};

/// What happens when a packet doesn't fit into the send buffer of a connection any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// The connection is closed with the reason `transport error`. The stream a client sees has no holes, and a
    /// client with connection state recovery catches up when it comes back.
    #[default]
    Disconnect,
    /// The packet that doesn't fit is dropped, the connection stays. But for the protocol's own, without which a client would wait for ever, or
    /// take itself for connected: where there is no room for that a namespace is joined, refused or left, it is closed.
    DropNewest,
}

/// The options of an [`Engine`](super::Engine), with Node's names and defaults.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
    /// How long a probing WebSocket may take until its upgrade packet.
    pub(crate) upgrade_timeout: Duration,
    /// Bytes of one polling body or one WebSocket message.
    pub(crate) max_http_buffer_size: usize,
    pub(crate) polling: bool,
    pub(crate) websocket: bool,
    pub(crate) allow_upgrades: bool,
    pub(crate) allow_eio3: bool,
    /// Bytes waiting for one slow connection before `overflow` applies.
    pub(crate) max_send_buffer: usize,
    pub(crate) overflow: Overflow,
    /// Sessions at a time.
    pub(crate) max_connections: usize,
    /// Sessions at a time that have found no use yet.
    pub(crate) max_handshakes: usize,
    /// Compression of WebSocket messages.
    pub(crate) deflate: Option<PerMessageDeflate>,
    /// Compression of what polling clients fetch.
    pub(crate) http_compression: Option<HttpCompression>,
    pub(crate) on_limit: Option<LimitHook>,
}

impl Config {
    pub(super) fn transports(&self) -> Transports {
        let polling = self.polling.then_some(Transport::Polling);
        let websocket = self.websocket.then_some(Transport::WebSocket);
        polling.into_iter().chain(websocket).collect()
    }

    /// Whether a session that polls may move to a WebSocket.
    pub(super) fn upgrades(&self) -> bool {
        self.allow_upgrades && self.websocket
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            max_http_buffer_size: 1_000_000,
            polling: true,
            websocket: true,
            allow_upgrades: true,
            allow_eio3: true,
            max_send_buffer: 4 << 20,
            overflow: Overflow::Disconnect,
            max_connections: usize::MAX,
            max_handshakes: 65_536,
            deflate: None,
            http_compression: None,
            on_limit: None,
        }
    }
}
