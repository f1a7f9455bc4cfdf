//! The engine as a whole.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Weak},
};

use http::{Method, Request, StatusCode, Version, header::UPGRADE, request::Parts};
use http_body::Body;
use hyper::upgrade::OnUpgrade;

use super::{
    Acceptor, CloseReason, Config, Connection, Handshake, Outbound, Outgoing, Transport, clock,
    connection::PollingFormat,
    core::Core,
    future::Handle,
    open::open_packet,
    outbox::Outbox,
    query,
    refusal::Refusal,
    refused,
    registry::Registry,
    response::{self, Answer},
    session::Session,
    timer::Timers,
    transport::{
        poll::HeldPoll,
        push::Push,
        websocket::{self, Opening},
    },
};
use crate::{
    Protocol,
    id::{RANDOM_BYTES, SessionId, SocketId},
};

/// All Engine.IO connections of a server: `io.engine` in JavaScript.
///
/// A handle, cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

/// What all connections of an engine share.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) registry: Registry,
    pub(super) timers: Arc<Timers>,
    acceptor: Weak<dyn Acceptor>,
}

/// A request on its way to its answer.
struct Incoming {
    parts: Parts,
    peer: Option<SocketAddr>,
    wish: Wish,
}

/// Whether a request asks for a WebSocket, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Plain,
    Upgrade,
    /// The extended CONNECT of HTTP/2 (RFC 8441).
    Connect,
}

/// What a handshake chose.
struct Choice {
    protocol: Protocol,
    transport: Transport,
    format: PollingFormat,
}

/// What a request has become: a request that goes on, or its answer.
type Routed<B> = Result<Handle<B>, Answer>;

impl Engine {
    /// An engine that tells this acceptor of every new session. The acceptor owns the engine, hence the weak reference.
    pub(crate) fn new(config: Config, acceptor: Weak<dyn Acceptor>) -> Self {
        let (registry, timers) = (Registry::default(), Timers::new());
        Self(Arc::new(Shared {
            config,
            registry,
            timers,
            acceptor,
        }))
    }

    /// The number of open connections.
    #[doc(alias = "clientsCount")]
    #[must_use]
    pub fn clients_count(&self) -> usize {
        self.0.registry.len()
    }

    /// Answers a request whose path is the engine's.
    pub(crate) fn handle<B: Body>(&self, request: Request<B>, peer: Option<SocketAddr>) -> Handle<B> {
        let (parts, body) = request.into_parts();
        let wish = Wish::of(&parts);
        self.route(Incoming { parts, peer, wish }, body)
            .unwrap_or_else(Handle::answered)
    }

    /// An id for a socket, drawn from the operating system's randomness.
    #[expect(
        clippy::unused_self,
        reason = "whoever chooses other ids will do so on the engine"
    )]
    pub(crate) fn random_socket_id(&self) -> SocketId {
        SocketId::from_random(random())
    }

    /// Closes every connection, after what is queued has been sent, and refuses new ones from now on.
    pub(crate) fn close(&self, reason: CloseReason) {
        for connection in self.0.registry.close(reason) {
            connection.close_with(reason);
        }
    }

    /// Waits until no connection is left.
    pub(crate) async fn closed(&self) {
        self.0.registry.emptied().await;
    }

    fn route<B: Body>(&self, incoming: Incoming, body: B) -> Routed<B> {
        let upgrade = incoming.wish != Wish::Plain;
        let refuse = |refusal: Refusal| {
            refused!(incoming.peer, "{}, {:?}", refusal.message(), refusal.context());
            response::refusal(&refusal, upgrade)
        };
        let query = incoming.parts.uri.query().unwrap_or_default();
        let transports = self.0.config.transports();
        let asked = query::parse(&incoming.parts.method, query, upgrade, transports).map_err(refuse)?;
        let choice = match asked {
            query::Request::Poll { sid, protocol } => {
                let connection = self.polling_session(&sid, protocol).map_err(refuse)?;
                return HeldPoll::new(connection).map(Handle::poll);
            }
            query::Request::Push { sid, protocol } => {
                let connection = self.polling_session(&sid, protocol).map_err(refuse)?;
                return Push::new(connection, &incoming.parts.headers).map(|push| Handle::push(push, body));
            }
            query::Request::Upgrade { sid, protocol, b64 } => {
                let connection = self.upgrading_session(&sid, protocol).map_err(refuse)?;
                let opening = |_| Opening::Probe(connection);
                return upgrade_request(incoming, opening, b64).map(Handle::answered);
            }
            query::Request::Stray { sid, refusal } => {
                let known = self.session(&sid).map(|_| refusal);
                return Err(refuse(known.unwrap_or_else(|unknown| unknown)));
            }
            query::Request::Open {
                protocol,
                transport,
                b64,
                jsonp,
            } => {
                let format = PollingFormat {
                    b64,
                    jsonp: jsonp.map(Box::new),
                };
                Choice {
                    protocol,
                    transport,
                    format,
                }
            }
        };
        self.admit(choice.protocol, upgrade, incoming.peer)?;
        self.open(incoming, choice)
    }

    /// Whether a handshake may go on.
    fn admit(&self, protocol: Protocol, upgrade: bool, peer: Option<SocketAddr>) -> Result<(), Answer> {
        if protocol == Protocol::V3 && !self.0.config.allow_eio3 {
            refused!(peer, "{}", Refusal::UnsupportedProtocol.message());
            return Err(response::refusal(&Refusal::UnsupportedProtocol, upgrade));
        }
        if self.0.registry.is_closed() {
            return Err(response::empty(StatusCode::SERVICE_UNAVAILABLE));
        }
        Ok(())
    }

    fn open<B>(&self, incoming: Incoming, choice: Choice) -> Routed<B> {
        if choice.transport == Transport::WebSocket {
            let b64 = choice.format.b64;
            let opening =
                |incoming: Incoming| Opening::Handshake(self.clone(), choice.protocol, incoming.copy());
            return upgrade_request(incoming, opening, b64).map(Handle::answered);
        }
        let connection = self
            .connect(
                Transport::Polling,
                choice.protocol,
                incoming.copy(),
                choice.format,
            )
            .ok_or_else(|| response::empty(StatusCode::SERVICE_UNAVAILABLE))?;
        HeldPoll::new(connection).map(Handle::poll)
    }

    fn session(&self, sid: &str) -> Result<Connection, Refusal> {
        self.0.registry.get(sid).ok_or(Refusal::SessionUnknown)
    }

    fn polling_session(&self, sid: &str, protocol: Protocol) -> Result<Connection, Refusal> {
        let connection = self.session(sid)?;
        if connection.transport() != Transport::Polling {
            return Err(Refusal::TRANSPORT_MISMATCH);
        }
        of_protocol(connection, protocol)
    }

    fn upgrading_session(&self, sid: &str, protocol: Protocol) -> Result<Connection, Refusal> {
        let connection = of_protocol(self.session(sid)?, protocol)?;
        if !self.0.config.upgrades() {
            return Err(Refusal::UPGRADE_NOT_ALLOWED);
        }
        Ok(connection)
    }

    /// Begins a session. What the acceptor sends at once leaves together with the open packet.
    ///
    /// `None` if the server above has gone or the engine has been closed.
    pub(super) fn connect(
        &self,
        transport: Transport,
        protocol: Protocol,
        handshake: Handshake,
        format: PollingFormat,
    ) -> Option<Connection> {
        let acceptor = self.0.acceptor.upgrade()?;
        let now = clock::now();
        let id = SessionId::from_random(random());
        let core = Core::new(Session::new(transport), self.outbox(&id, transport));
        let connection = Connection::new(id, protocol, Arc::clone(&self.0), handshake, format, core);
        connection.heard(now);
        let receiver = acceptor.accept(&connection);
        let entered = self.0.registry.insert(&connection);
        connection.update(now, |core, _| {
            core.receiver = Some(receiver);
            // A WebSocket's driver calls the receiver from now on, and nobody else.
            core.dispatching = transport == Transport::WebSocket;
            core.session.handle_open(protocol, now, &self.0.config);
        });
        if let Err(reason) = entered {
            connection.close_with(reason);
        }
        Some(connection)
    }

    fn outbox(&self, id: &SessionId, transport: Transport) -> Outbox {
        let config = &self.0.config;
        let packet = open_packet(
            id.as_str(),
            transport == Transport::Polling && config.upgrades(),
            config.ping_interval,
            config.ping_timeout,
            config.max_http_buffer_size,
        );
        let mut outbox = Outbox::default();
        outbox.push_open(Outbound::Own(Outgoing::control(packet.as_bytes())));
        outbox
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}

impl Incoming {
    fn copy(self) -> Handshake {
        Handshake::new(self.parts, self.peer, clock::system())
    }
}

impl Wish {
    fn of(parts: &Parts) -> Self {
        if parts.method == Method::CONNECT {
            let protocol = parts.extensions.get::<hyper::ext::Protocol>();
            let connect = protocol.is_some_and(|protocol| protocol.as_str() == "websocket");
            return if connect { Self::Connect } else { Self::Plain };
        }
        let upgrade = parts.headers.get(UPGRADE);
        match upgrade.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket")) {
            true if parts.version < Version::HTTP_2 => Self::Upgrade,
            _ => Self::Plain,
        }
    }
}

/// Answers a request for a WebSocket and leaves the rest to a task.
fn upgrade_request(
    mut incoming: Incoming,
    opening: impl FnOnce(Incoming) -> Opening,
    b64: bool,
) -> Result<Answer, Answer> {
    let parts = &mut incoming.parts;
    let connect = incoming.wish == Wish::Connect;
    let accepted = crate::websocket::accept(&parts.method, parts.version, &parts.headers, connect);
    let accepted = accepted.map_err(|error| {
        refused!(incoming.peer, "{error}");
        response::bad_handshake(error)
    })?;
    // An HTTP server that can't upgrade doesn't leave the means.
    let Some(on_upgrade) = parts.extensions.remove::<OnUpgrade>() else {
        return Err(response::refusal(&Refusal::TRANSPORT_HANDSHAKE_ERROR, true));
    };
    websocket::spawn(on_upgrade, opening(incoming), b64);
    Ok(response::switching(accepted))
}

fn of_protocol(connection: Connection, protocol: Protocol) -> Result<Connection, Refusal> {
    if connection.protocol() == protocol {
        Ok(connection)
    } else {
        Err(Refusal::PROTOCOL_MISMATCH)
    }
}

fn random() -> [u8; RANDOM_BYTES] {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).expect("invariant: the operating system gives random bytes");
    bytes
}
