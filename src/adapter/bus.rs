//! Several servers in one process.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{StreamExt, future, stream};
use tokio::sync::mpsc;

use crate::{
    ServerId,
    adapter::{Adapter, AdapterError, Closing, Destination, Envelope, Incoming, Message, Snapshot, message},
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
    sender: mpsc::UnboundedSender<Envelope>,
    backlog: Arc<Backlog>,
    cut: bool,
    failing: bool,
}

/// How far a server is behind.
#[derive(Default)]
struct Backlog {
    bytes: AtomicUsize,
    /// Messages that found no room, of which the server hasn't been told.
    missed: AtomicUsize,
}

impl Backlog {
    /// Keeps room for a message. Whoever calls has the lock of the bus, so that nobody else does meanwhile.
    fn has_room(&self, size: usize) -> bool {
        let waiting = self.bytes.load(Ordering::Relaxed);
        let room = waiting == 0 || waiting + size <= MAX_WAITING;
        if room {
            self.bytes.fetch_add(size, Ordering::Relaxed);
        } else {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
        room
    }
}

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
        let mut state = self.lock();
        let held = state.held.take().unwrap_or_default();
        for (to, envelope) in &held.envelopes {
            state.deliver(to.as_ref(), envelope);
        }
        // What nobody gets is dropped without the lock.
        drop(state);
        drop(held);
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
    fn publish(&mut self, to: Option<&ServerId>, envelope: &Envelope) -> Result<(), AdapterError> {
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
            None => self.deliver(to, envelope),
        }
        Ok(())
    }

    fn deliver(&self, to: Option<&ServerId>, envelope: &Envelope) {
        for (server, line) in &self.servers {
            let meant = to.map_or(*server != envelope.sender, |to| to == server);
            if meant && !line.cut && line.backlog.has_room(size(envelope)) {
                let _ = line.sender.send(envelope.clone());
            }
        }
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("servers", &self.servers()).finish()
    }
}

type Ear = (mpsc::UnboundedReceiver<Envelope>, Arc<Backlog>);

/// The next message; that some were missed comes before those that still wait.
async fn heard((mut receiver, backlog): Ear) -> Option<(Result<Envelope, AdapterError>, Ear)> {
    let missed = backlog.missed.swap(0, Ordering::Relaxed);
    if missed > 0 {
        let error = AdapterError::new(format!(
            "the server is too slow for the bus: {missed} messages were lost"
        ));
        return Some((Err(error), (receiver, backlog)));
    }
    let envelope = receiver.recv().await?;
    backlog.bytes.fetch_sub(size(&envelope), Ordering::Relaxed);
    Some((Ok(envelope), (receiver, backlog)))
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
            self.bus.lock().servers.remove(&me);
        }
    }
}

impl Adapter for Place {
    fn join(&self, me: &ServerId) -> Incoming {
        let (sender, receiver) = mpsc::unbounded_channel();
        let backlog = Arc::<Backlog>::default();
        let line = Line {
            sender,
            backlog: backlog.clone(),
            cut: false,
            failing: false,
        };
        self.bus.lock().servers.insert(me.clone(), line);
        *self.me.lock().unwrap_or_else(PoisonError::into_inner) = Some(me.clone());
        stream::unfold((receiver, backlog), heard).boxed()
    }

    fn publish(&self, to: Destination<'_>, envelope: &Envelope) -> Result<(), AdapterError> {
        let to = match to {
            Destination::Everyone => None,
            Destination::One(server) => Some(server),
        };
        self.bus.lock().publish(to, envelope)
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
