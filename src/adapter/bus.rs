//! Several servers in one process.

mod ear;
mod pressure;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use futures_util::future;
use tokio::time::Instant;

use self::{
    ear::{Ear, Listening},
    pressure::{Pressure, STUCK_AFTER},
};
use crate::{
    ServerId,
    adapter::{
        Adapter, AdapterError, Closing, Destination, Easing, Envelope, Incoming, Message, Snapshot,
        cluster::now, message,
    },
    foreign,
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
/// When more than 64 KiB of messages wait for a server, the others [take no more](Adapter::backpressure) than one message at a time from each of
/// their clients until it has caught up, unless it does nothing for a quarter of a second. Up to 64 MiB wait: what comes next a server misses, and is
/// [told so](crate::SocketIo::on_adapter_error); the others miss nothing.
///
/// For tests it can fail like a broker: [`cut`](Self::cut), [`fail`](Self::fail), [`hold`](Self::hold), [`drop_if`](Self::drop_if).
#[derive(Clone, Default)]
pub struct Bus {
    state: Arc<Mutex<State>>,
    pressure: Arc<Pressure>,
}

/// What may wait for one server, in bytes; a single message always may.
const MAX_WAITING: usize = 64 << 20;

/// What a message costs besides its payload, so that many small ones fill the queue too.
const MESSAGE_COST: usize = 256;

/// A message on its way, which those who are to hear it share. It is copied and measured before any lock is taken.
struct Said {
    envelope: Envelope,
    size: usize,
}

#[derive(Default)]
struct State {
    servers: BTreeMap<ServerId, Line>,
    drop_if: Option<Condition>,
    /// When it was last looked who takes nothing.
    looked: Option<Instant>,
    /// What waits while messages are held back.
    held: Option<Held>,
}

#[derive(Default)]
struct Held {
    messages: Vec<(Option<ServerId>, Arc<Said>)>,
    bytes: usize,
}

type Condition = Box<dyn Fn(&Envelope) -> bool + Send>;

struct Line {
    ear: Arc<Ear>,
    cut: bool,
    failing: bool,
}

impl Said {
    fn new(envelope: &Envelope) -> Arc<Self> {
        Arc::new(Self {
            envelope: envelope.clone(),
            size: size(&envelope.message),
        })
    }
}

fn size(message: &Message) -> usize {
    let payload = match message {
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
        for (to, said) in &held.messages {
            state.deliver(to.as_ref(), said, &mut woken);
        }
        // What nobody gets is dropped without the lock.
        drop(state);
        drop(held);
        foreign::wake(woken);
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

    /// A while has passed for somebody who waits: who takes nothing is not waited for. Several look, each after a time of its own.
    fn handle_time(&self) {
        let fell: Vec<_> = {
            let mut state = self.lock();
            let now = now();
            if state.looked.is_some_and(|looked| now < looked + STUCK_AFTER) {
                return;
            }
            state.looked = Some(now);
            let lines = state.servers.values();
            lines.map(|line| line.ear.handle_time()).collect()
        };
        fell.into_iter().for_each(|fell| self.pressure.tell(fell));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn publish(
        &mut self,
        to: Option<&ServerId>,
        said: &Arc<Said>,
        woken: &mut Vec<Waker>,
    ) -> Result<(), AdapterError> {
        let Some(line) = self.servers.get(&said.envelope.sender) else {
            return Err(AdapterError::new("the server has left the bus"));
        };
        if line.failing {
            return Err(AdapterError::new("the bus is out of order"));
        }
        if line.cut || self.drop_if.as_ref().is_some_and(|lost| lost(&said.envelope)) {
            return Ok(());
        }
        match &mut self.held {
            Some(held) if held.bytes + said.size > MAX_WAITING => {
                return Err(AdapterError::new("the bus holds back as much as it can"));
            }
            Some(held) => {
                held.bytes += said.size;
                held.messages.push((to.cloned(), said.clone()));
            }
            None => self.deliver(to, said, woken),
        }
        Ok(())
    }

    fn deliver(&self, to: Option<&ServerId>, said: &Arc<Said>, woken: &mut Vec<Waker>) {
        for (server, line) in &self.servers {
            let meant = to.map_or(*server != said.envelope.sender, |to| to == server);
            if meant && !line.cut {
                woken.extend(line.ear.handle_said(said));
            }
        }
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("servers", &self.servers()).finish()
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
    foreign::wake(woken);
}

impl Adapter for Place {
    fn join(&self, me: &ServerId) -> Incoming {
        let ear = Arc::new(Ear::new(self.bus.pressure.clone()));
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
        let (said, mut woken) = (Said::new(envelope), Vec::new());
        let published = self.bus.lock().publish(to, &said, &mut woken);
        // Who is the only one to hear it need not copy it.
        drop(said);
        foreign::wake(woken);
        published
    }

    fn close(&self) -> Closing<'_> {
        self.leave();
        Box::pin(future::ready(()))
    }

    fn backpressure(&self) -> Option<Easing> {
        let eases = |bus: Bus| async move { bus.pressure.eased(|| bus.handle_time()).await };
        let is_on = self.bus.pressure.is_on();
        is_on.then(|| Box::pin(eases(self.bus.clone())) as Easing)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}
