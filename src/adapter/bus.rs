//! Several servers in one process.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use futures_util::{Stream, future};
use tokio::task::consume_budget;

use crate::{
    ServerId,
    adapter::{Adapter, AdapterError, Closing, Destination, Envelope, Incoming, Message, Snapshot, message},
    room::shrink,
};

/// Joins servers of one process: one for each port, runtime or tenant, or a cluster within a test.
///
/// ```
/// use axum_socketio::{SocketIo, adapter::Bus};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), axum_socketio::BuildError> {
/// let bus = Bus::new();
/// let public = SocketIo::builder().adapter(bus.adapter()).build()?;
/// let internal = SocketIo::builder().adapter(bus.adapter()).build()?;
/// internal.of("/").emit("news", "for the clients of both");
/// # drop(public);
/// # Ok(())
/// # }
/// ```
///
/// Up to 64 MiB of messages wait for a server. One that is slower than that misses what comes next, and is
/// [told so](crate::SocketIo::on_adapter_error); the others miss nothing.
///
/// For tests it can fail like a broker: [`cut`](Self::cut), [`fail`](Self::fail), [`hold`](Self::hold), [`drop_if`](Self::drop_if).
#[derive(Clone, Default)]
pub struct Bus(Arc<Mutex<State>>);

/// What may wait for one server, in bytes; a single message always may.
const MAX_WAITING: usize = 64 << 20;

/// What a message costs besides its payload, so that many small ones fill the queue too.
const MESSAGE_COST: usize = 256;

#[derive(Default)]
struct State {
    servers: BTreeMap<ServerId, Line>,
    drop_if: Option<Condition>,
    /// What waits while messages are held back.
    held: Option<Held>,
}

#[derive(Default)]
struct Held {
    envelopes: Vec<(Option<ServerId>, Envelope)>,
    bytes: usize,
}

type Condition = Box<dyn Fn(&Envelope) -> bool + Send>;

struct Line {
    ear: Arc<Ear>,
    cut: bool,
    failing: bool,
}

/// What one server has still to hear. Its lock is taken under that of the bus, and nobody is woken under either.
#[derive(Default)]
struct Ear(Mutex<Unheard>);

#[derive(Default)]
struct Unheard {
    envelopes: VecDeque<Envelope>,
    bytes: usize,
    /// Messages that found no room, of which the server hasn't been told.
    missed: usize,
    /// Nothing more comes.
    ended: bool,
    waker: Option<Waker>,
}

/// A server's end of its line.
struct Listening(Arc<Ear>);

fn size(envelope: &Envelope) -> usize {
    let payload = match &envelope.message {
        Message::Broadcast { packet, options, .. } => packet.size() + options.size(),
        Message::Join { options, rooms } | Message::Leave { options, rooms } => {
            options.size() + message::size(rooms)
        }
        Message::Disconnect { options, .. } | Message::Fetch { options, .. } => options.size(),
        Message::ServerEvent { packet, .. }
        | Message::ServerAck { packet, .. }
        | Message::ClientAck { packet, .. } => packet.size(),
        Message::Fetched { sockets, .. } => sockets.iter().map(Snapshot::size).sum(),
        _ => 0,
    };
    MESSAGE_COST + payload
}

impl Bus {
    /// A bus without servers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A place on the bus, for one server.
    #[must_use = "give it to `Builder::adapter`"]
    pub fn adapter(&self) -> impl Adapter + use<> {
        Place {
            bus: self.clone(),
            me: Mutex::default(),
        }
    }

    /// The servers on the bus, sorted.
    #[must_use]
    pub fn servers(&self) -> Vec<ServerId> {
        self.lock().servers.keys().cloned().collect()
    }

    /// A server falls silent: what it says and what is said to it gets lost, and neither side notices.
    pub fn cut(&self, server: &ServerId) {
        self.change(server, |line| line.cut = true);
    }

    /// A server can't send any more and is told so.
    pub fn fail(&self, server: &ServerId) {
        self.change(server, |line| line.failing = true);
    }

    /// Ends [`cut`](Self::cut) and [`fail`](Self::fail).
    pub fn mend(&self, server: &ServerId) {
        self.change(server, |line| (line.cut, line.failing) = (false, false));
    }

    /// Messages wait from now on, up to 64 MiB of them; more is refused.
    pub fn hold(&self) {
        self.lock().held.get_or_insert_default();
    }

    /// Delivers what waits, and what comes from now on.
    pub fn release(&self) {
        let mut woken = Vec::new();
        let mut state = self.lock();
        let held = state.held.take().unwrap_or_default();
        for (to, envelope) in &held.envelopes {
            state.deliver(to.as_ref(), envelope, &mut woken);
        }
        // What nobody gets is dropped without the lock.
        drop(state);
        drop(held);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Messages for which this holds get lost. Replaces the last condition, which must not use the bus itself.
    pub fn drop_if(&self, condition: impl Fn(&Envelope) -> bool + Send + 'static) {
        let replaced = self.lock().drop_if.replace(Box::new(condition));
        // The old one may own what its drop asks the bus with, so it goes without the lock.
        drop(replaced);
    }

    fn change(&self, server: &ServerId, change: impl FnOnce(&mut Line)) {
        if let Some(line) = self.lock().servers.get_mut(server) {
            change(line);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn publish(
        &mut self,
        to: Option<&ServerId>,
        envelope: &Envelope,
        woken: &mut Vec<Waker>,
    ) -> Result<(), AdapterError> {
        let Some(line) = self.servers.get(&envelope.sender) else {
            return Err(AdapterError::new("the server has left the bus"));
        };
        if line.failing {
            return Err(AdapterError::new("the bus is out of order"));
        }
        if line.cut || self.drop_if.as_ref().is_some_and(|lost| lost(envelope)) {
            return Ok(());
        }
        match &mut self.held {
            Some(held) if held.bytes + size(envelope) > MAX_WAITING => {
                return Err(AdapterError::new("the bus holds back as much as it can"));
            }
            Some(held) => {
                held.bytes += size(envelope);
                held.envelopes.push((to.cloned(), envelope.clone()));
            }
            None => self.deliver(to, envelope, woken),
        }
        Ok(())
    }

    fn deliver(&self, to: Option<&ServerId>, envelope: &Envelope, woken: &mut Vec<Waker>) {
        for (server, line) in &self.servers {
            let meant = to.map_or(*server != envelope.sender, |to| to == server);
            if meant && !line.cut {
                woken.extend(line.ear.handle_said(envelope));
            }
        }
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("servers", &self.servers()).finish()
    }
}

impl Ear {
    /// Something is said to the server. Whoever listens is to be woken.
    fn handle_said(&self, envelope: &Envelope) -> Option<Waker> {
        let (mut unheard, size) = (self.unheard(), size(envelope));
        if unheard.ended {
            return None;
        }
        if unheard.bytes > 0 && unheard.bytes + size > MAX_WAITING {
            unheard.missed += 1;
            return None;
        }
        unheard.bytes += size;
        unheard.envelopes.push_back(envelope.clone());
        unheard.waker.take()
    }

    /// The server has left; what has been said is still to be heard. Whoever listens is to be woken.
    fn handle_left(&self) -> Option<Waker> {
        let mut unheard = self.unheard();
        unheard.ended = true;
        unheard.waker.take()
    }

    /// The next message; that some were missed comes before those that still wait.
    fn poll_heard(&self, waker: Waker) -> Poll<Option<Result<Envelope, AdapterError>>> {
        let mut unheard = self.unheard();
        if unheard.missed > 0 {
            let missed = std::mem::take(&mut unheard.missed);
            return Poll::Ready(Some(Err(AdapterError::new(format!(
                "the server is too slow for the bus: {missed} messages were lost"
            )))));
        }
        if let Some(envelope) = unheard.envelopes.pop_front() {
            unheard.bytes -= size(&envelope);
            let (left, capacity) = (unheard.envelopes.len(), unheard.envelopes.capacity());
            shrink(left, capacity, |to| unheard.envelopes.shrink_to(to));
            return Poll::Ready(Some(Ok(envelope)));
        }
        if unheard.ended {
            return Poll::Ready(None);
        }
        let displaced = unheard.waker.replace(waker);
        drop(unheard);
        drop(displaced);
        Poll::Pending
    }

    fn unheard(&self) -> MutexGuard<'_, Unheard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream for Listening {
    type Item = Result<Envelope, AdapterError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // As a channel of tokio's: a flood leaves the thread to others now and then.
        ready!(pin!(consume_budget()).poll(cx));
        self.0.poll_heard(cx.waker().clone())
    }
}

impl Drop for Listening {
    /// Nobody listens any more. What waits, and whoever did, are dropped without the lock.
    fn drop(&mut self) {
        let ended = Unheard {
            ended: true,
            ..Unheard::default()
        };
        let unheard = std::mem::replace(&mut *self.0.unheard(), ended);
        drop(unheard);
    }
}

/// One server's place.
#[derive(Debug)]
struct Place {
    bus: Bus,
    me: Mutex<Option<ServerId>>,
}

impl Place {
    fn leave(&self) {
        let me = self.me.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(me) = me {
            let line = self.bus.lock().servers.remove(&me);
            hang_up(line);
        }
    }
}

/// The line is no more.
fn hang_up(line: Option<Line>) {
    let woken = line.and_then(|line| line.ear.handle_left());
    woken.into_iter().for_each(Waker::wake);
}

impl Adapter for Place {
    fn join(&self, me: &ServerId) -> Incoming {
        let ear = Arc::<Ear>::default();
        let line = Line {
            ear: ear.clone(),
            cut: false,
            failing: false,
        };
        let before = self.bus.lock().servers.insert(me.clone(), line);
        hang_up(before);
        *self.me.lock().unwrap_or_else(PoisonError::into_inner) = Some(me.clone());
        Box::pin(Listening(ear))
    }

    fn publish(&self, to: Destination<'_>, envelope: &Envelope) -> Result<(), AdapterError> {
        let to = match to {
            Destination::Everyone => None,
            Destination::One(server) => Some(server),
        };
        let mut woken = Vec::new();
        let published = self.bus.lock().publish(to, envelope, &mut woken);
        woken.into_iter().for_each(Waker::wake);
        published
    }

    fn close(&self) -> Closing<'_> {
        self.leave();
        Box::pin(future::ready(()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}
