//! Several servers in one process.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{StreamExt, future, stream};
use tokio::sync::mpsc;

use crate::{
    ServerId,
    adapter::{Adapter, AdapterError, Closing, Destination, Envelope, Incoming},
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
/// For tests it can fail like a broker: [`cut`](Self::cut), [`fail`](Self::fail), [`hold`](Self::hold), [`drop_if`](Self::drop_if).
#[derive(Clone, Default)]
pub struct Bus(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    servers: BTreeMap<ServerId, Line>,
    drop_if: Option<Condition>,
    /// What waits while messages are held back.
    held: Option<Vec<(Option<ServerId>, Envelope)>>,
}

type Condition = Box<dyn Fn(&Envelope) -> bool + Send>;

struct Line {
    sender: mpsc::UnboundedSender<Envelope>,
    cut: bool,
    failing: bool,
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

    /// Messages wait from now on.
    pub fn hold(&self) {
        self.lock().held.get_or_insert_default();
    }

    /// Delivers what waits, and what comes from now on.
    pub fn release(&self) {
        let mut state = self.lock();
        for (to, envelope) in state.held.take().unwrap_or_default() {
            state.deliver(to.as_ref(), &envelope);
        }
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
            Some(held) => held.push((to.cloned(), envelope.clone())),
            None => self.deliver(to, envelope),
        }
        Ok(())
    }

    fn deliver(&self, to: Option<&ServerId>, envelope: &Envelope) {
        for (server, line) in &self.servers {
            let meant = to.map_or(*server != envelope.sender, |to| to == server);
            if meant && !line.cut {
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
        let line = Line {
            sender,
            cut: false,
            failing: false,
        };
        self.bus.lock().servers.insert(me.clone(), line);
        *self.me.lock().unwrap_or_else(PoisonError::into_inner) = Some(me.clone());
        let next = |mut receiver: mpsc::UnboundedReceiver<Envelope>| async move {
            let envelope = receiver.recv().await?;
            Some((Ok(envelope), receiver))
        };
        stream::unfold(receiver, next).boxed()
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
