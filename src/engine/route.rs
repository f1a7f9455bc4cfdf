//! From a request to what answers it.

use std::{net::SocketAddr, sync::atomic::Ordering};

use http::{Method, Request, Version, header::UPGRADE, request::Parts};
use http_body::Body;
use hyper::upgrade::OnUpgrade;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    Admission, Config, Connection, Engine, Handshake, Limit, Transport,
    admission::Reserved,
    clock,
    connection::PollingFormat,
    future::Handle,
    handshake::MAX_HEAD,
    http_compression::Coding,
    jsonp::Jsonp,
    query,
    refusal::Refusal,
    refused,
    response::{self, Answer, Denial, Refused},
    transport::{
        poll::HeldPoll,
        push::Push,
        websocket::{self, Opening},
    },
};
use crate::{Protocol, websocket::negotiate};

/// A request on its way to its answer.
struct Incoming {
    parts: Parts,
    peer: Option<SocketAddr>,
    common: bool,
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

/// What a request is about.
enum Subject {
    Open(Choice),
    Poll(Connection),
    Push(Connection),
    Upgrade(Connection, bool),
}

/// What the client chose at its handshake.
struct Choice {
    protocol: Protocol,
    transport: Transport,
    b64: bool,
    jsonp: Option<Jsonp>,
    reserved: Option<Reserved>,
}

impl Engine {
    /// Answers a request whose path is the engine's.
    pub(crate) fn handle<B: Body>(
        &self,
        request: Request<B>,
        peer: Option<SocketAddr>,
        common: bool,
    ) -> Handle<B> {
        self.handle_admitted(request, peer, common, Admission::Open)
    }

    /// Whether a request asks for a new session: what [`Admission`] is about.
    pub(crate) fn opens(&self, parts: &Parts) -> bool {
        let upgrade = Wish::of(parts) != Wish::Plain;
        matches!(self.asked(parts, upgrade), Ok(query::Request::Open { .. }))
    }

    /// What a request asks for. A query alone that is longer than a head may be isn't taken apart: that would cost far more than to refuse it.
    fn asked<'a>(&self, parts: &'a Parts, upgrade: bool) -> Result<query::Request<'a>, Denial> {
        let query = parts.uri.query().unwrap_or_default();
        if query.len() > MAX_HEAD {
            return Err(Denial::HEAD);
        }
        let transports = self.shared().config.transports();
        Ok(query::parse(&parts.method, query, upgrade, transports)?)
    }

    /// [`handle`](Self::handle), with the application's word in case that the request is a handshake.
    pub(crate) fn handle_admitted<B: Body>(
        &self,
        request: Request<B>,
        peer: Option<SocketAddr>,
        common: bool,
        admission: Admission,
    ) -> Handle<B> {
        let (parts, body) = request.into_parts();
        let (wish, head) = (Wish::of(&parts), parts.method == Method::HEAD);
        let incoming = Incoming {
            parts,
            peer,
            common,
            wish,
        };
        self.route(incoming, body, admission).unwrap_or_else(|denial| {
            refused!(peer, "{denial}");
            self.instruments().refused(denial.reason());
            let answer = denial.answer(wish != Wish::Plain);
            Handle::answered(if head { response::to_head(answer) } else { answer })
        })
    }

    /// Serves a WebSocket that somebody else has accepted.
    pub(crate) fn take_over<S>(
        &self,
        parts: Parts,
        peer: Option<SocketAddr>,
        stream: S,
    ) -> Result<Connection, Refused>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let incoming = Incoming {
            parts,
            peer,
            common: false,
            wish: Wish::Upgrade,
        };
        let (opening, b64) = match self.subject(&incoming, Admission::Open)? {
            Subject::Open(choice) => {
                let handshake = incoming.copy();
                (
                    Opening::Handshake(self.clone(), choice.protocol, handshake, choice.reserved),
                    choice.b64,
                )
            }
            Subject::Upgrade(connection, b64) => (Opening::Probe(connection), b64),
            Subject::Poll(_) | Subject::Push(_) => {
                return Err(Denial::from(Refusal::TRANSPORT_MISMATCH).into());
            }
        };
        let served = websocket::take_over(stream, opening, b64);
        served.ok_or_else(|| Denial::from(Refusal::ShuttingDown).into())
    }

    fn route<B: Body>(&self, incoming: Incoming, body: B, admission: Admission) -> Result<Handle<B>, Denial> {
        match self.subject(&incoming, admission)? {
            Subject::Poll(connection) => {
                let coding = self.coding(&incoming);
                HeldPoll::new(connection, coding, incoming.parts.version).map(Handle::poll)
            }
            Subject::Push(connection) => {
                Push::new(connection, &incoming.parts.headers).map(|push| Handle::push(push, body))
            }
            Subject::Upgrade(connection, b64) => {
                let opening = |_| Opening::Probe(connection);
                incoming
                    .upgrade(opening, b64, &self.shared().config)
                    .map(Handle::answered)
            }
            Subject::Open(choice) if choice.transport == Transport::WebSocket => {
                let engine = self.clone();
                let opening = |incoming: Incoming| {
                    Opening::Handshake(engine, choice.protocol, incoming.copy(), choice.reserved)
                };
                incoming
                    .upgrade(opening, choice.b64, &self.shared().config)
                    .map(Handle::answered)
            }
            Subject::Open(choice) => self.open(incoming, choice).map(Handle::poll),
        }
    }

    fn subject(&self, incoming: &Incoming, admission: Admission) -> Result<Subject, Denial> {
        let upgrade = incoming.wish != Wish::Plain;
        Ok(match self.asked(&incoming.parts, upgrade)? {
            query::Request::Poll { sid, protocol } => Subject::Poll(self.session(&sid, protocol)?),
            query::Request::Push { sid, protocol } => Subject::Push(self.session(&sid, protocol)?),
            query::Request::Upgrade { sid, protocol, b64 } => {
                let connection = self.session(&sid, protocol)?;
                if !self.shared().config.upgrades() {
                    return Err(Refusal::UPGRADE_NOT_ALLOWED.into());
                }
                Subject::Upgrade(connection, b64)
            }
            query::Request::Stray { sid, refusal } => {
                self.known(&sid)?;
                return Err(refusal.into());
            }
            query::Request::Open {
                protocol,
                transport,
                b64,
                jsonp,
            } => {
                self.admit(protocol)?;
                self.has_room(incoming.peer)?;
                // It is kept as long as the session lives.
                if !Handshake::fits(&incoming.parts) {
                    return Err(Denial::HEAD);
                }
                let reserved = admission.claim(self)?;
                Subject::Open(Choice {
                    protocol,
                    transport,
                    b64,
                    jsonp,
                    reserved,
                })
            }
        })
    }

    /// Whether a handshake may go on.
    fn admit(&self, protocol: Protocol) -> Result<(), Denial> {
        if protocol == Protocol::V3 && !self.shared().config.allow_eio3 {
            return Err(Refusal::UnsupportedProtocol.into());
        }
        if self.shared().registry.is_closed() {
            return Err(Refusal::ShuttingDown.into());
        }
        Ok(())
    }

    /// Whether there is room for one more session.
    fn has_room(&self, peer: Option<SocketAddr>) -> Result<(), Denial> {
        let shared = self.shared();
        let (connections, handshakes) = (shared.config.max_connections, shared.config.max_handshakes);
        let (limit, max) = if shared.registry.len() >= connections {
            (Limit::Connections, connections)
        } else if shared.handshakes.load(Ordering::Relaxed) >= handshakes {
            (Limit::Handshakes, handshakes)
        } else {
            return Ok(());
        };
        shared.limits.exceeded(limit, max, peer, None);
        Err(Refusal::TooManyConnections.into())
    }

    /// A new session, of which the handshake is the first poll.
    fn open(&self, incoming: Incoming, choice: Choice) -> Result<HeldPoll, Denial> {
        let format = PollingFormat {
            b64: choice.b64,
            jsonp: choice.jsonp.map(Box::new),
        };
        let (coding, version) = (self.coding(&incoming), incoming.parts.version);
        let handshake = incoming.copy();
        let connection = self.connect(
            Transport::Polling,
            choice.protocol,
            handshake,
            format,
            choice.reserved,
        );
        let connection = connection.ok_or(Refusal::ShuttingDown)?;
        HeldPoll::new(connection, coding, version)
    }

    /// How the answer to a poll may be compressed.
    fn coding(&self, incoming: &Incoming) -> Option<Coding> {
        self.shared().config.http_compression.as_ref()?;
        Coding::of(&incoming.parts.headers)
    }

    fn known(&self, sid: &str) -> Result<Connection, Refusal> {
        self.shared().registry.get(sid).ok_or(Refusal::SessionUnknown)
    }

    fn session(&self, sid: &str, protocol: Protocol) -> Result<Connection, Refusal> {
        let connection = self.known(sid)?;
        if connection.protocol() == protocol {
            Ok(connection)
        } else {
            Err(Refusal::PROTOCOL_MISMATCH)
        }
    }
}

impl Incoming {
    fn copy(self) -> Handshake {
        Handshake::new(self.parts, self.peer, self.common, clock::system())
    }

    /// Answers a request for a WebSocket and leaves the rest to a task.
    fn upgrade(
        mut self,
        opening: impl FnOnce(Self) -> Opening,
        b64: bool,
        config: &Config,
    ) -> Result<Answer, Denial> {
        let parts = &mut self.parts;
        let connect = self.wish == Wish::Connect;
        let accepted = crate::websocket::accept(&parts.method, parts.version, &parts.headers, connect)?;
        // An HTTP server that can't upgrade doesn't leave the means.
        let on_upgrade = parts.extensions.remove::<OnUpgrade>();
        let on_upgrade = on_upgrade.ok_or(Refusal::TRANSPORT_HANDSHAKE_ERROR)?;
        let options = config.deflate.as_ref();
        let deflate = options.and_then(|options| negotiate(&accepted.extensions, options.terms()));
        websocket::spawn(on_upgrade, opening(self), b64, deflate);
        Ok(response::switching(accepted, deflate))
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
        let upgrade = upgrade.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
        // HTTP/2 has no such header (RFC 9113 §8.2.2).
        if upgrade && parts.version < Version::HTTP_2 {
            Self::Upgrade
        } else {
            Self::Plain
        }
    }
}
