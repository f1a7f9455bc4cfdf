//! How a socket leaves.
//!
//! The sequence is Node's: `disconnecting` handlers start while the rooms are still there, then the socket leaves its rooms,
//! its namespace and its client, pending acknowledgements end, `disconnect` handlers start, and a client that is sent away is
//! told so. It runs exactly once for a socket that had connected, and never for one that had not.

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::sleep_until;

use crate::{
    engine::{CloseReason, Parting, now},
    foreign::{self, brief},
    server::{
        Socket,
        client::{Again, Forgotten},
        cut_off,
        departure::{Departure, Nested},
        dispatch::{self, DisconnectListener, DisconnectParts},
        in_flight::Flight,
        inbox::Inbox,
        late::Late,
        leave::{Cause, Leave, Verdict},
        listeners::List,
        running::UnderWay,
        runtimes,
        socket::Status,
        socket_listeners::{Heard, SocketListeners},
        starts::Leaves,
    },
    sync::MutexGuard,
};

/// How long a leave waits for handlers that other threads start or go on with, or for events if its client is back for the session, unless
/// `ping_timeout` is less.
const LONGEST_START: Duration = Duration::from_secs(5);

/// The same where the server closes, which has a deadline.
const LONGEST_CLOSING: Duration = Duration::from_millis(250);

/// Why a socket left.
///
/// [`as_str`](Self::as_str) gives the spelling of Node's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client left the namespace, its connection may go on: `client namespace disconnect`.
    ClientNamespaceDisconnect,
    /// The server called [`Socket::disconnect`]: `server namespace disconnect`.
    ServerNamespaceDisconnect,
    /// The connection ended: `transport close`.
    TransportClose,
    /// The connection failed, or the client broke the rules of the transport: `transport error`.
    TransportError,
    /// The client answered no heartbeat, or its handlers waited so long that none could be read, see
    /// [`max_events_in_flight`](crate::Builder::max_events_in_flight): `ping timeout`.
    PingTimeout,
    /// The client sent what is no Engine.IO packet: `parse error`.
    ParseError,
    /// The server closed the connection, among other reasons for a Socket.IO packet that makes no sense: `forced close`.
    ForcedClose,
    /// The server gave up a connection that it could not close properly: `forced server close`.
    ForcedServerClose,
    /// The server is shutting down: `server shutting down`.
    ServerShuttingDown,
}

impl DisconnectReason {
    /// The reason as Node's server spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
            Self::TransportClose => CloseReason::TransportClose.as_str(),
            Self::TransportError => CloseReason::TransportError.as_str(),
            Self::PingTimeout => CloseReason::PingTimeout.as_str(),
            Self::ParseError => CloseReason::ParseError.as_str(),
            Self::ForcedClose => CloseReason::ForcedClose.as_str(),
            Self::ForcedServerClose => CloseReason::ForcedServerClose.as_str(),
            Self::ServerShuttingDown => CloseReason::ServerShuttingDown.as_str(),
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<CloseReason> for DisconnectReason {
    fn from(reason: CloseReason) -> Self {
        match reason {
            CloseReason::TransportClose => Self::TransportClose,
            CloseReason::TransportError => Self::TransportError,
            CloseReason::PingTimeout => Self::PingTimeout,
            CloseReason::ParseError => Self::ParseError,
            CloseReason::ForcedClose => Self::ForcedClose,
            CloseReason::ForcedServerClose => Self::ForcedServerClose,
            CloseReason::ServerShuttingDown => Self::ServerShuttingDown,
        }
    }
}

impl Socket {
    /// Disconnects this socket from its namespace: the client's `disconnect` event says `io server disconnect`, and it does
    /// not reconnect by itself.
    ///
    /// With `close`, every socket of the same client leaves and its connection is closed after what is queued has been sent; the client gets into
    /// no namespace any more.
    /// Handlers hear the reason `server namespace disconnect` in both cases; they start inline, or as soon as the connect
    /// handlers have started. While another thread is in a handler of the socket, up to its next `await`, or one goes on in a task because it has used up
    /// [what a task may do at a time](tokio::task::coop), they wait for that, for five seconds at most, or
    /// [`ping_timeout`](crate::Builder::ping_timeout) if that is less, and start in a task then; no event is given to handlers
    /// afterwards (one that has begun goes on to its next handlers in a sequential namespace, and where one
    /// of its handlers does this). Nothing that is sent to the socket meanwhile reaches its client; one whose connection
    /// has ended by then, and that still waits for handlers which start, may be back for its session and for what it has missed. Does nothing if the
    /// socket has left already.
    ///
    /// The client is told when the `disconnect` handlers have started: should it connect again at once, its connect handlers come after these.
    pub fn disconnect(&self, close: bool) {
        if !self.is_inside() {
            return;
        }
        if close {
            // Closed when all are told; its client gets into no namespace meanwhile.
            let _parting = self.connection().begin_parting();
            self.connection().close();
            self.client().sockets().iter().for_each(Self::send_away);
            // The client has forgotten it if its connection has ended.
            self.send_away();
        } else {
            self.send_away();
        }
    }

    fn send_away(&self) {
        if !self.is_inside() {
            return;
        }
        // A leave that waits holds the close back, too, and so does a handler that closes the connection.
        let farewell = self.connection().begin_parting();
        self.is_to_leave(
            Cause::SentAway,
            DisconnectReason::ServerNamespaceDisconnect,
            Some(farewell),
        );
    }

    /// The sequence of leaving, where the client is not told: it knows, or its connection has ended.
    pub(super) fn depart(&self, reason: DisconnectReason) {
        self.is_to_leave(Cause::Gone, reason, None);
    }

    /// The same, and somebody waits for what it leaves behind, though not for ever.
    pub(super) fn depart_in_time(&self, reason: DisconnectReason) {
        self.is_to_leave(Cause::Awaited, reason, None);
    }

    /// The sequence of leaving, now or [later](super::leave); or nothing where it has begun.
    fn is_to_leave(&self, cause: Cause, reason: DisconnectReason, farewell: Option<Parting>) {
        let leave = Leave {
            reason,
            farewell,
            _under_way: UnderWay::start(self.io()),
        };
        let mut inbox = self.inbox();
        if self.starts().is_decided() {
            drop(inbox);
            return;
        }
        let verdict = inbox.leave(leave, cause, || self.shut_starts());
        self.follow(inbox, verdict);
    }

    /// The turn of a leave that has waited has come.
    pub(super) fn depart_in_turn(&self) {
        let mut inbox = self.inbox();
        if let Some(verdict) = inbox.has_its_turn(|| self.shut_starts()) {
            self.follow(inbox, verdict);
        }
    }

    /// Takes the leave, if any, that handlers which start hold up.
    pub(super) fn departs_behind_starts(&self) {
        let mut inbox = self.inbox();
        if let Some(verdict) = inbox.has_started() {
            self.follow(inbox, verdict);
        }
    }

    /// The connect handlers have started. Who leaves behind events that came before is there for the handlers of these.
    pub(super) fn has_come(&self) {
        let mut inbox = self.inbox();
        if let Some(verdict) = inbox.has_connected(!self.home().is_sequential()) {
            self.follow(inbox, verdict);
        }
    }

    fn follow(&self, inbox: MutexGuard<'_, Inbox>, verdict: Verdict) {
        // Under the lock, so that it can't come after the leave that it announces.
        self.starts().show(verdict.signs);
        drop(inbox);
        if verdict.ends_acks {
            // A middleware or handler that awaits one would wait for nothing.
            self.acks().clear();
        }
        if verdict.begins_to_be_limited {
            self.waits_in_time();
        }
        if verdict.goes_on {
            self.fall_behind(Late::default());
        }
        if let Some(leave) = verdict.now {
            self.depart_now(leave);
        }
        drop(verdict.second);
    }

    /// Nobody stays for ever because a handler keeps its thread. That hears of it if it looks, or waits for an answer.
    fn waits_in_time(&self) {
        let until = now() + self.connection().ping_timeout().min(LONGEST_START);
        let socket = self.clone();
        let in_time = async move {
            while now() < until {
                sleep_until(until.min(now() + LONGEST_CLOSING).into()).await;
                // It may have left in its turn.
                if socket.io().is_closing() || socket.status() == Status::Disconnected {
                    break;
                }
            }
            socket.has_waited();
        };
        let socket = self.clone();
        cut_off::spawn_or_else(self.io(), in_time, move || socket.has_waited());
    }

    /// Its time is over; but it begins anew as long as its events go on.
    fn has_waited(&self) {
        let mut inbox = self.inbox();
        if inbox.has_moved() {
            drop(inbox);
            return self.waits_in_time();
        }
        if let Some(verdict) = inbox.has_waited() {
            self.follow(inbox, verdict);
        }
    }

    pub(super) fn depart_now(&self, leave: Leave) {
        // Handlers that send others away nest; a stack is not as deep as a namespace is large.
        let Some(_nested) = Nested::enter() else {
            return Departure::new(self, leave).go_apart();
        };
        match self.advance(Status::Connected, Status::Disconnecting) {
            Ok(()) => {}
            Err(Status::Connecting) => return self.discard(),
            Err(_) => return,
        }
        // From here on it leaves, whatever happens.
        let sequence = LeaveSequence { socket: self, leave };
        if sequence.leave.farewell.is_some() {
            self.client().owes_farewell(self);
        }
        // A thread of its own has no runtime, and handlers may want one from their first poll on.
        let runtime = self.io().runtimes().elsewhere();
        let _entered = runtime.as_ref().and_then(runtimes::enter);
        self.run_disconnecting(sequence.leave.reason);
        drop(sequence);
    }

    /// Forgets a socket that never became connected; no handler hears of it.
    pub(super) fn discard(&self) {
        let remains = self.let_go(None);
        self.client().eased_of(remains.eases);
    }

    /// From here on nothing refers to the socket, which leaves for this reason if it ever was in. Each step is taken, whatever wakers and
    /// values of the application do in one before.
    fn let_go(&self, reason: Option<DisconnectReason>) -> Remains {
        self.set_status(Status::Disconnected);
        foreign::step(|| self.leave_namespace(reason));
        let Forgotten { was_held_back, again } = self.client().forget(self);
        // Who waits is woken, by a waker of whatever executor.
        self.acks().clear();
        let was_full = self.clear_inbox();
        let own = self
            .own_listeners()
            .map(SocketListeners::disconnect)
            .unwrap_or_default();
        self.close_own_listeners();
        let eases = u32::from(was_held_back) + u32::from(was_full);
        Remains { own, eases, again }
    }

    fn run_disconnecting(&self, reason: DisconnectReason) {
        let _leaves = Leaves::enter(self);
        let listeners = self.home().listeners().disconnecting();
        let own = self
            .own_listeners()
            .map(SocketListeners::disconnecting)
            .unwrap_or_default();
        self.run_all("disconnecting", listeners.as_ref(), &own, reason);
    }

    /// Gives up what waits in the queue, and says whether the client isn't read because of that.
    pub(super) fn clear_inbox(&self) -> bool {
        // Its own statement: the guard must be gone before the connection is woken.
        let given_up = self.inbox().clear();
        let was_full = given_up.as_ref().is_some_and(|held| held.is_full());
        foreign::dispose(given_up);
        was_full
    }

    fn run_all(
        &self,
        kind: &'static str,
        shared: Option<&List<dyn DisconnectListener>>,
        own: &[Arc<dyn DisconnectListener>],
        reason: DisconnectReason,
    ) {
        let shared = shared.into_iter().flat_map(|list| list.iter());
        for listener in shared.chain(own) {
            foreign::step(|| self.run(kind, &**listener, reason));
        }
    }

    fn run(&self, kind: &'static str, listener: &dyn DisconnectListener, reason: DisconnectReason) {
        let mut parts = DisconnectParts::new(self, reason);
        let run = dispatch::prepare(self, kind, None, || listener.call(&mut parts));
        if let Some(rest) = run.and_then(|run| dispatch::start(self, None, run)) {
            let (socket, guard) = (self.clone(), UnderWay::start(self.io()));
            let flight = Flight::of_other(self);
            dispatch::spawn(self.io(), async move {
                dispatch::finish(&socket, None, rest).await;
                drop((guard, flight));
            });
        }
    }
}

/// What is left of a socket that has left.
struct Remains {
    /// Who is to hear of it, of those that listened to it alone.
    own: Heard<dyn DisconnectListener>,
    /// For how many reasons its client isn't read, which are over.
    eases: u32,
    /// The client has left and asked for the namespace again.
    again: Option<Box<Again>>,
}

/// The second half of the sequence, which comes whatever happens in the first.
struct LeaveSequence<'a> {
    socket: &'a Socket,
    leave: Leave,
}

impl Drop for LeaveSequence<'_> {
    fn drop(&mut self) {
        let (socket, reason) = (self.socket, self.leave.reason);
        crate::log::debug!(namespace = brief(socket.namespace_name()), socket = socket.public_id(), %reason, "a socket left");
        let remains = socket.let_go(Some(reason));
        let listeners = socket.home().listeners().disconnect();
        socket.run_all("disconnect", listeners.as_ref(), &remains.own, reason);
        let mut eases = remains.eases;
        if self.leave.farewell.is_some() {
            // Not before: a client may connect again as soon as it is told, over another connection, too, and its connect handlers run after
            // those.
            foreign::step(|| socket.client().bid_farewell(socket));
            eases += u32::from(socket.client().has_parted(socket));
        }
        foreign::step(|| socket.session_can_be_had());
        // Not before: a client that comes again at once would be told of first.
        if let Some(again) = remains.again {
            foreign::step(|| socket.client().connect_to(socket.home().clone(), again.auth));
        }
        foreign::step(|| socket.client().eased_of(eases));
    }
}
