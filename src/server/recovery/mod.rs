//! Connection state recovery: a client that lost its connection for a while gets its socket back, and what it missed.
//!
//! ```text
//!                    connection lost                     time is over
//!   Connected ───────────────────────────► Parked ───────────────────────► expired
//!       ▲        leaves its rooms there,      │
//!       │        waits in the same ones here  │ a CONNECT with its pid
//!       └─────────────────────────────────────┘
//!          what it missed, then the CONNECT of the new socket
//! ```
//!
//! From the CONNECT until middlewares have decided the session is claimed: parked for all who emit, and had by nobody. If that connection
//! is lost, too, it is as it was, with the time that it had.
//!
//! A packet is written once and kept once, in the [log](log::Log) of its namespace. What a session was sent is a row of positions in it,
//! its [history](history::History). Both stand behind one lock with the connection, the [lifeline](lifeline::Lifeline), so that the order in which a
//! client is sent packets is the order in which it is sent them again, whoever emits on whichever thread, and none falls between two
//! connections. Node looks for what fits the rooms a socket had at the end; here it gets what it was sent, or would have been.

mod emit;
mod history;
mod lifeline;
mod log;
mod options;
mod park;
mod parked;
mod recoverable;
mod resume;
mod sessions;
mod to_come;
mod together;

use std::{
    fmt,
    sync::{
        Arc, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

pub use self::options::{ConnectionStateRecovery, ExpiredSession};
pub(super) use self::{recoverable::Recoverable, resume::Claim, to_come::ToCome, together::Together};
use tokio::sync::{Notify, watch};

use self::{
    log::{Log, Period},
    sessions::Sessions,
};
use crate::{
    server::{Namespace, SocketIo, io::IoInner, namespace::NamespaceInner},
    sync::{Mutex, MutexGuard},
};

/// What a namespace keeps of and for its sessions.
pub(super) struct Recovery {
    options: Arc<ConnectionStateRecovery>,
    log: Log,
    sessions: Mutex<Sessions>,
    /// A task forgets in time what is here.
    looked_after: AtomicBool,
    /// For that task: there may be nothing left.
    idle: Notify,
    together: Arc<Together>,
    io: Weak<IoInner>,
    alive: watch::Receiver<bool>,
}

/// How long a client that vanishes is sent packets before anyone knows, over whichever engine it came.
#[derive(Debug, Default)]
pub(super) struct Unnoticed(AtomicU64);

impl Unnoticed {
    /// There is an engine that knows only after this time.
    pub(super) fn at_least(&self, time: Duration) {
        let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_max(time, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

impl Recovery {
    /// For a namespace of this server, if its options want it.
    pub(super) fn of(io: &SocketIo, together: Arc<Together>) -> Option<Box<Self>> {
        let settings = io.settings();
        let options = settings.recovery.clone()?;
        let period = Period {
            away: options.max_disconnection_duration,
            unnoticed: io.unnoticed().clone(),
        };
        // As long as needs be for no text of an application to look like an offset by chance.
        let tag = together.tag(|| io.engine().random_socket_id().as_str()[..4].into());
        Some(Box::new(Self {
            log: Log::new(tag, period, options.max_log_size, together.clone()),
            sessions: Mutex::new(Sessions::new(together.clone())),
            looked_after: AtomicBool::new(false),
            idle: Notify::new(),
            together,
            io: io.downgrade(),
            alive: io.alive().subscribe(),
            options,
        }))
    }

    /// Taken after the index of the namespace, where both are, and before a lifeline.
    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Namespace<S> {
    /// How many sessions wait for their clients to come back, see
    /// [`Builder::connection_state_recovery`](crate::Builder::connection_state_recovery).
    #[must_use]
    pub fn waiting_sessions(&self) -> usize {
        let waiting = |namespace: &NamespaceInner| namespace.recovery().map_or(0, |it| it.sessions().len());
        match self.inner().children() {
            Some(children) => children.all().iter().map(|child| waiting(child)).sum(),
            None => waiting(self.inner()),
        }
    }
}

impl fmt::Debug for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recovery")
            .field("parked", &self.sessions().len())
            .finish_non_exhaustive()
    }
}
