//! One server's view of the others: who is there, what they owe, what is sent to them.

mod failures;
mod presence;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{self, Notify},
    task::AbortHandle,
    time::Instant,
};

use self::{
    failures::Failures,
    presence::{End, GoodBye, UnderWay},
};
use crate::{
    ServerId,
    adapter::{
        Adapter, AdapterError, Destination, Easing, Envelope, Incoming, Message, Missing, RequestId, Waiting,
        members::Members,
        requests::{Effects, Requests},
    },
    foreign::{self, brief},
};

/// How often heartbeats are looked after.
pub(crate) const HEARTBEAT_CHECK: Duration = Duration::from_secs(1);
/// How long other servers' answers are waited for where no other time is given.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Emitters speak and are no servers.
const EMITTER: &str = "emitter";

/// The cluster as one server knows it.
pub(crate) struct Cluster {
    adapter: Arc<dyn Adapter>,
    me: ServerId,
    runtime: Handle,
    /// Servers are found by heartbeats; the broker doesn't count them.
    heartbeats: bool,
    namespaces: Mutex<HashMap<Box<str>, Core>>,
    /// Held while the back end opens or leaves a namespace, so that nobody publishes in it before or after. Taken before the others.
    opening: Mutex<()>,
    failures: Failures,
    /// Set under the lock of the namespaces.
    closed: AtomicBool,
    /// A good-bye has been said.
    parted: Notify,
    end: sync::Mutex<End>,
}

/// What is known in one namespace. Pure.
#[derive(Debug)]
struct Core {
    /// How many namespaces of this name there are: a dynamic one may end while the next one begins.
    opened: usize,
    members: Members,
    requests: Requests,
    under_way: Arc<UnderWay>,
    good_bye: GoodBye,
}

impl Core {
    fn new(now: Instant) -> Self {
        Self {
            opened: 1,
            members: Members::new(now),
            requests: Requests::default(),
            under_way: Arc::default(),
            good_bye: GoodBye::default(),
        }
    }

    /// A server has gone, and nothing more will come from it.
    fn handle_closed(&mut self, server: &ServerId) -> Effects {
        self.members.handle_closed(server);
        self.requests.handle_gone(server)
    }

    /// Nobody is heard any more.
    fn forget_others(&mut self, why: AdapterError) -> Effects {
        self.members.handle_end();
        std::mem::take(&mut self.requests).end(why)
    }
}

impl Cluster {
    /// Joins.
    pub(crate) fn join(adapter: Arc<dyn Adapter>, runtime: Handle) -> (Arc<Self>, Incoming) {
        let me = ServerId::from_random(random());
        let incoming = adapter.join(&me);
        let heartbeats = adapter.count_servers("/").is_none();
        let cluster = Self {
            adapter,
            me,
            runtime,
            heartbeats,
            namespaces: Mutex::default(),
            opening: Mutex::default(),
            failures: Failures::new(),
            closed: AtomicBool::new(false),
            parted: Notify::new(),
            end: sync::Mutex::default(),
        };
        (Arc::new(cluster), incoming)
    }

    pub(crate) const fn me(&self) -> &ServerId {
        &self.me
    }

    pub(crate) const fn adapter(&self) -> &Arc<dyn Adapter> {
        &self.adapter
    }

    pub(crate) const fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Tells all others. What can't be sent is lost, and said once for a row of errors.
    pub(crate) fn publish(&self, namespace: &str, message: Message) {
        // It has been said.
        let _ = self.ask(namespace, message);
    }

    /// Tells all others something that wants an answer.
    ///
    /// # Errors
    ///
    /// It was not sent, so no answer will come. That has been said, once for a row of errors.
    pub(crate) fn ask(&self, namespace: &str, message: Message) -> Result<(), AdapterError> {
        self.send(Destination::Everyone, namespace, message)
    }

    /// Tells one other: the answer to its request.
    pub(crate) fn answer(&self, namespace: &str, to: &ServerId, message: Message) {
        // It has been said.
        let _ = self.send(Destination::One(to), namespace, message);
    }

    /// Begins to wait. The id goes into the message that asks.
    pub(crate) fn begin(self: &Arc<Self>, namespace: &str) -> Waiting {
        let id: RequestId = ServerId::from_random(random()).as_str().into();
        let mut namespaces = self.lock();
        let core = namespaces
            .get_mut(namespace)
            .expect("invariant: namespaces are opened before they are used");
        let named = self.heartbeats.then(|| core.members.servers().cloned().collect());
        let answers = core.requests.begin(id.clone(), named);
        drop(namespaces);
        let counting = (!self.heartbeats).then(|| self.count_for(namespace, &id));
        Waiting::new(self.clone(), namespace, id, answers, counting)
    }

    /// What another server says. Gives back what this one has to do about it.
    pub(crate) fn handle(&self, envelope: Envelope) -> Option<Envelope> {
        let Envelope {
            sender,
            namespace,
            message,
        } = envelope;
        if sender == self.me {
            return None;
        }
        let mut namespaces = self.lock();
        // It would be there for ever.
        if self.is_closed() {
            return None;
        }
        let core = namespaces.get_mut(&namespace)?;
        // A busy Node server sends no heartbeats: whatever it says is one.
        if sender.as_str() != EMITTER {
            core.members.handle_heard(&sender, now());
        }
        let (message, mut effects) = core.requests.handle_message(&sender, message);
        if matches!(message, Some(Message::Close)) {
            effects = core.handle_closed(&sender);
        }
        drop(namespaces);
        effects.apply();
        match message? {
            Message::Heartbeat | Message::Close => None,
            Message::InitialHeartbeat => {
                self.publish(&namespace, Message::Heartbeat);
                None
            }
            message => Some(Envelope {
                sender,
                namespace,
                message,
            }),
        }
    }

    /// Time has passed: sends the heartbeats that are due, and gives up servers that were silent for too long.
    pub(crate) fn handle_tick(&self) {
        let now = now();
        if !self.heartbeats {
            // They are silent when they have nothing to say, and owe their answers all the same.
            for core in self.lock().values_mut() {
                drop(core.members.poll_gone(now));
            }
            return;
        }
        let (mut due, mut silent) = (Vec::new(), Vec::new());
        for (namespace, core) in &mut *self.lock() {
            for server in core.members.poll_gone(now) {
                let effects = core.requests.handle_gone(&server);
                silent.push((namespace.clone(), server, effects));
            }
            if core.members.is_heartbeat_due(now) {
                due.push(namespace.clone());
            }
        }
        // Without the lock: what hears the log may emit.
        for (namespace, server, effects) in silent {
            effects.apply();
            crate::log::warn!(%server, namespace = brief(&namespace), "a server of the cluster has been silent for too long");
        }
        for namespace in due {
            self.publish(&namespace, Message::Heartbeat);
        }
    }

    /// The back end says that it lost something, or the connection.
    pub(crate) fn handle_error(&self, error: &AdapterError) {
        self.failures.handle_error(error);
    }

    /// The incoming stream is at its end: nobody is there any more.
    pub(crate) fn handle_end(&self) {
        if !self.is_closed() {
            // Others would wait for its answers as long as it said something.
            self.depart();
            self.failures
                .handle_end(&AdapterError::new("the adapter has ended"));
        }
    }

    /// More has been said than the others can take: what resolves when that is over.
    pub(crate) fn backpressure(&self) -> Option<Easing> {
        if self.is_closed() {
            return None;
        }
        self.back_end(Adapter::backpressure).unwrap_or_else(|panicked| {
            self.handle_error(&panicked);
            None
        })
    }

    /// Asks the back end for something. A panic of that is an error, wherever in the life of a namespace it comes: in a drop it would end
    /// the process.
    fn back_end<'a, T>(&'a self, ask: impl FnOnce(&'a dyn Adapter) -> T) -> Result<T, AdapterError> {
        foreign::call(|| ask(&*self.adapter)).map_err(AdapterError::panicked)
    }

    /// Who is told from now on.
    pub(crate) fn on_error(&self, told: impl Fn(&AdapterError) + Send + Sync + 'static) {
        self.failures.tell(Arc::new(told));
    }

    /// How many servers have this namespace.
    pub(crate) async fn server_count(&self, namespace: &str) -> usize {
        if let Some(servers) = self.counted(namespace).await {
            return servers.max(1);
        }
        let others = self.lock().get(namespace).map(|core| core.members.len());
        1 + others.unwrap_or_default()
    }

    /// How many there are of them, where it is for the broker to say. Errors are told.
    async fn counted(&self, namespace: &str) -> Option<usize> {
        if self.is_closed() {
            return None;
        }
        let counting = self
            .back_end(|adapter| adapter.count_servers(namespace))
            .transpose()?;
        let counted = match counting {
            Ok(counting) => foreign::run(counting)
                .await
                .map_err(AdapterError::panicked)
                .flatten(),
            Err(panicked) => Err(panicked),
        };
        counted.inspect_err(|error| self.handle_error(error)).ok()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(crate) fn missing(&self, namespace: &str, id: &str) -> Missing {
        let namespaces = self.lock();
        let core = namespaces.get(namespace);
        core.map(|core| core.requests.missing(id)).unwrap_or_default()
    }

    pub(super) fn give_up(&self, namespace: &str, id: &str) {
        self.answer_to(namespace, |requests| requests.give_up(id));
    }

    /// Whoever waits is woken without the lock.
    fn answer_to(&self, namespace: &str, change: impl FnOnce(&mut Requests) -> Effects) {
        let mut namespaces = self.lock();
        let effects = namespaces
            .get_mut(namespace)
            .map(|core| change(&mut core.requests));
        drop(namespaces);
        effects.into_iter().for_each(Effects::apply);
    }

    /// Whoever waits for the answers ends it: a broker may never say.
    fn count_for(self: &Arc<Self>, namespace: &str, id: &RequestId) -> AbortHandle {
        let (cluster, namespace, id) = (self.clone(), Box::<str>::from(namespace), id.clone());
        let counting = self.runtime.spawn(async move {
            if let Some(servers) = cluster.counted(&namespace).await {
                let others = servers.saturating_sub(1);
                cluster.answer_to(&namespace, |requests| requests.handle_counted(&id, others));
            }
        });
        counting.abort_handle()
    }

    fn send(&self, to: Destination<'_>, namespace: &str, message: Message) -> Result<(), AdapterError> {
        let publishing = self.begin_publishing(namespace)?;
        let sent = self.hand_over(to, namespace, message);
        // What is lost is no sign of life.
        if sent.is_ok() && to == Destination::Everyone {
            self.handle_said(namespace);
        }
        drop(publishing);
        self.conclude(&sent);
        sent
    }

    fn handle_said(&self, namespace: &str) {
        if let Some(core) = self.lock().get_mut(namespace) {
            core.members.handle_said(now());
        }
    }

    fn hand_over_to_all(&self, namespace: &str, message: Message) -> Result<(), AdapterError> {
        self.hand_over(Destination::Everyone, namespace, message)
    }

    /// Gives a message to the back end. What came of it is still to be [said](Self::conclude).
    fn hand_over(&self, to: Destination<'_>, namespace: &str, message: Message) -> Result<(), AdapterError> {
        let envelope = Envelope {
            sender: self.me.clone(),
            namespace: namespace.into(),
            message,
        };
        self.back_end(|adapter| adapter.publish(to, &envelope))?
    }

    fn conclude(&self, sent: &Result<(), AdapterError>) {
        match sent {
            Ok(()) => self.failures.handle_sent(),
            Err(error) => self.handle_error(error),
        }
    }

    fn opening(&self) -> MutexGuard<'_, ()> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Core>> {
        self.namespaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("me", &self.me)
            .field("adapter", &self.adapter)
            .finish_non_exhaustive()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one clock of the cluster; members and requests are told the time"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

fn random() -> [u8; 8] {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("invariant: the operating system has randomness");
    bytes
}
