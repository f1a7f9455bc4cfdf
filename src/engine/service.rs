//! The engine as a whole.

use std::{
    fmt,
    sync::{Arc, Weak, atomic::AtomicUsize},
    time::Duration,
};

use super::{
    Acceptor, CloseReason, Config, Connection, Handshake, Limit, Outgoing, Transport,
    admission::Reserved,
    clock,
    connection::PollingFormat,
    core::Core,
    instruments::Instruments,
    limit::Limits,
    open::open_packet,
    outbox::Outbox,
    registry::{Registry, Unwelcome},
    session::Session,
    timer::Timers,
    trace,
    transport::poll,
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
    pub(super) limits: Limits,
    pub(super) instruments: Instruments,
    /// Sessions that have found no use yet.
    pub(super) handshakes: AtomicUsize,
    acceptor: Weak<dyn Acceptor>,
}

impl Engine {
    /// An engine that tells this acceptor of every new session. The acceptor owns the engine, hence the weak reference.
    pub(crate) fn new(config: Config, acceptor: Weak<dyn Acceptor>) -> Self {
        let (registry, timers) = (Registry::default(), Timers::new());
        Self(Arc::new(Shared {
            limits: Limits::new(config.on_limit.clone()),
            instruments: Instruments::new(),
            handshakes: AtomicUsize::new(0),
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

    /// How often this limit has been overstepped.
    pub(crate) fn times_exceeded(&self, limit: Limit) -> u64 {
        self.0.limits.count(limit)
    }

    /// How long a client may be silent, and is sent nothing: two heartbeats can't be further apart.
    pub(crate) fn heartbeat(&self) -> Duration {
        let config = &self.0.config;
        config.ping_interval.saturating_add(config.ping_timeout)
    }

    /// An id for a socket, drawn from the operating system's randomness.
    #[expect(
        clippy::unused_self,
        reason = "whoever chooses other ids will do so on the engine"
    )]
    pub(crate) fn random_socket_id(&self) -> SocketId {
        SocketId::from_random(random())
    }

    pub(crate) fn instruments(&self) -> &Instruments {
        &self.0.instruments
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0
    }

    /// Begins a session. What the acceptor sends at once leaves together with the open packet.
    ///
    /// `None` if the engine is closed, or the server above has gone.
    pub(super) fn connect(
        &self,
        transport: Transport,
        protocol: Protocol,
        mut handshake: Handshake,
        format: PollingFormat,
        reserved: Option<Reserved>,
    ) -> Option<Connection> {
        let acceptor = self.0.acceptor.upgrade()?;
        let _begun = self.0.registry.begin()?;
        let now = clock::now();
        let id = reserved
            .as_ref()
            .map_or_else(random_session_id, |reserved| reserved.id().clone());
        let takes_any_number =
            transport == Transport::Polling && poll::takes_any_number(handshake.header("user-agent"));
        let core = Core::new(
            Session::new(transport),
            self.outbox(&id, transport),
            takes_any_number,
        );
        handshake.set_span(trace::session(transport, protocol, handshake.remote_addr()));
        let connection = Connection::new(id, protocol, Arc::clone(&self.0), handshake, format, core);
        connection.heard(now);
        let receiver = connection.span().in_scope(|| acceptor.accept(&connection));
        let entered = self.enter(&connection);
        // From here on the session itself holds its id.
        drop(reserved);
        // Before it can end, and without the lock: the application's recorder runs.
        self.0.instruments.connected(transport, protocol);
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

    /// Enters a session that has begun; an error says why it is to be closed. Of handshakes at the same time each has found room for one more.
    fn enter(&self, connection: &Connection) -> Result<(), CloseReason> {
        let config = &self.0.config;
        let (limit, max) = match self.0.registry.insert(connection, config.max_connections) {
            Err(Unwelcome::Closed(reason)) => return Err(reason),
            Err(Unwelcome::Full) => (Limit::Connections, config.max_connections),
            Ok(()) if connection.gives_up_place() => (Limit::Handshakes, config.max_handshakes),
            Ok(()) => return Ok(()),
        };
        connection.limit_exceeded(limit, max, None);
        Err(CloseReason::ForcedClose)
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
        outbox.push_open(Outgoing::control(packet.as_bytes()));
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

/// An id for a session, drawn from the operating system's randomness.
pub(crate) fn random_session_id() -> SessionId {
    SessionId::from_random(random())
}

pub(super) fn random() -> [u8; RANDOM_BYTES] {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).expect("invariant: the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_never_the_same_and_every_bit_of_them_varies() {
        const IDS: usize = 10_000;
        let ids: HashSet<_> = (0..IDS).map(|_| random()).collect();
        assert_eq!(ids.len(), IDS);
        for bit in 0..RANDOM_BYTES * 8 {
            let set = ids.iter().filter(|id| id[bit / 8] >> (bit % 8) & 1 == 1);
            let set = set.count();
            // Twenty times the standard deviation from the middle.
            assert!((4_000..6_000).contains(&set), "bit {bit}: {set}");
        }
    }
}
