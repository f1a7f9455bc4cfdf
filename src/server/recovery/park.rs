//! What becomes of a session whose socket leaves, and of one whose client doesn't come back.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use futures_util::future::{Either, select};
use tokio::{runtime::Id, sync::oneshot, time::timeout_at};

use super::{
    ExpiredSession, Recoverable, Recovery,
    parked::{Kept, Parked, Pid},
    sessions::Lapsed,
};
use crate::{
    engine,
    foreign::{self, Foreign},
    room::{Index, Member as _, Target},
    server::{DisconnectReason, Socket, SocketIo, namespace::NamespaceInner},
};

/// How often packets are looked for that nobody may ask for any more, where no new ones come.
const CHECK: Duration = Duration::from_secs(60);

impl DisconnectReason {
    /// Whether the client may come back to its session: it didn't want to leave, nobody sent it away, and this server goes on.
    pub(in crate::server) const fn is_recoverable(self) -> bool {
        match self {
            Self::TransportClose
            | Self::TransportError
            | Self::PingTimeout
            | Self::ForcedClose
            | Self::ForcedServerClose => true,
            Self::ClientNamespaceDisconnect
            | Self::ServerNamespaceDisconnect
            | Self::ParseError
            | Self::ServerShuttingDown => false,
        }
    }
}

impl Socket {
    /// Takes the socket out of its rooms and its namespace; its session goes on waiting in the same ones, if the client may come back.
    pub(in crate::server) fn leave_namespace(&self, reason: Option<DisconnectReason>) {
        let home = self.home();
        let (Some(recovery), Some(recoverable)) = (home.recovery(), self.recoverable()) else {
            home.index().remove(self);
            return;
        };
        match reason {
            // It never was in.
            None => {
                // But perhaps in rooms.
                home.index().remove(self);
                recovery.sessions().is_not_early(self.serial());
                self.gives_back_session();
            }
            Some(reason) if reason.is_recoverable() => self.park(recovery, recoverable),
            Some(_) => {
                home.index().remove(self);
                recovery.sessions().end_leaving(&recoverable.pid());
                recoverable.lifeline.end();
                recovery.forget_if_nobody();
            }
        }
        home.look_after_recovery();
    }

    /// It joins rooms, perhaps while the middlewares decide on it.
    pub(in crate::server) fn may_join_early(&self, index: &Index<Self>) {
        if let (Some(recovery), Some(_)) = (self.home().recovery(), self.recoverable())
            && !index.has(self)
        {
            recovery.sessions().joins_early(self.serial());
        }
    }

    /// The disconnect handlers have started: from now on the client can have its session again, and its connect handlers run after those.
    pub(in crate::server) fn session_can_be_had(&self) {
        if let (Some(recovery), Some(recoverable)) = (self.home().recovery(), self.recoverable()) {
            recovery.can_be_had(self.home(), &recoverable.pid());
        }
    }

    fn park(&self, recovery: &Recovery, recoverable: &Recoverable) {
        let kept = Kept {
            id: self.id().clone(),
            data: self.data_value(),
            extensions: Foreign::new(copied(|| self.extensions().snapshot())),
            lifeline: recoverable.lifeline.clone(),
        };
        let parked = Parked::new(self.serial(), self.in_own_room(), recoverable.pid(), kept);
        let until = engine::now() + recovery.options.max_disconnection_duration;
        // Under both: whoever emits meanwhile finds it in the one or in the other.
        let mut index = self.home().index();
        let rooms = index.remove(self);
        let mut sessions = recovery.sessions();
        sessions.park(&parked, rooms, until);
        recoverable.lifeline.wait();
    }
}

/// Extensions, whose values are the users' own: without them if their `Clone` panics, because leaving goes on whatever happens.
pub(super) fn copied(copy: impl FnOnce() -> http::Extensions) -> http::Extensions {
    foreign::call(copy).unwrap_or_else(|_| {
        crate::log::error!(
            "a value among the extensions of a socket panicked when it was cloned: they are lost"
        );
        http::Extensions::new()
    })
}

/// Those who have asked for a session can ask again. One that has gone meanwhile doesn't hear it.
fn tell_all(waiting: Vec<oneshot::Sender<()>>) {
    for client in waiting {
        let _ = client.send(());
    }
}

impl Recovery {
    /// Its socket has left, or a client has got it: it may end from now on, be it as one too many, and those who have asked for it can ask again.
    pub(super) fn can_be_had(&self, home: &NamespaceInner, pid: &Pid) {
        let (is_next, surplus, waiting) = {
            let mut sessions = self.sessions();
            let is_next = sessions.may_end(pid);
            let surplus = sessions.surplus(self.options.max_waiting_sessions);
            let is_over = surplus.iter().any(|lapsed| lapsed.parked.pid() == pid);
            // Under the lock: those who wait for the end of one that ends from now on are told of that.
            let waiting = (!is_over).then(|| sessions.left(pid.as_str()));
            (is_next, surplus, waiting.unwrap_or_default())
        };
        if is_next {
            // Its time may be over before the task would have looked.
            self.idle.notify_one();
        }
        self.end_all(surplus);
        home.end_surplus_together(self);
        tell_all(waiting);
    }

    fn tell_who_waits(&self, pid: &Pid) {
        // Its own statement: the guard must be gone.
        let waiting = self.sessions().left(pid.as_str());
        tell_all(waiting);
    }

    /// Forgets the sessions that wait: the server is closed.
    pub(in crate::server) fn close(&self) {
        let waited = self.sessions().end_all();
        for lapsed in waited {
            lapsed.parked.lifeline().end();
            self.tell_who_waits(lapsed.parked.pid());
        }
        self.log.clear();
    }

    /// Forgets what nobody may ask for any more.
    fn sweep(&self) {
        let now = engine::now();
        self.log.forget_expired(now);
        let lapsed = self.sessions().lapsed(now);
        self.end_all(lapsed);
    }

    pub(super) fn end_all(&self, lapsed: Vec<Lapsed>) {
        for lapsed in lapsed {
            lapsed.parked.lifeline().end();
            let pid = lapsed.parked.pid().clone();
            self.tell_expired(lapsed);
            // Not before: who asks for it begins anew.
            self.tell_who_waits(&pid);
        }
        self.forget_if_nobody();
    }

    pub(super) fn tell_expired(&self, lapsed: Lapsed) {
        let Some(hook) = &self.options.on_expired else {
            return;
        };
        let session = ExpiredSession::of(lapsed);
        if foreign::call(|| (hook.0)(&session)).is_err() {
            crate::log::error!("a hook for expired sessions panicked");
        }
    }

    /// What was sent is of no use where nobody is left to ask for it, and a namespace that clients have had made is not to outlive them for
    /// it.
    pub(super) fn forget_if_nobody(&self) {
        let forgotten = {
            // Who enters meanwhile is sent nothing before it is over.
            let mut sessions = self.sessions();
            sessions.is_nobody().then(|| {
                sessions.forget_expiries();
                self.log.clear()
            })
        };
        if forgotten.is_some() {
            self.idle.notify_one();
        }
    }

    fn is_idle(&self) -> bool {
        self.log.is_empty() && self.sessions().is_idle()
    }

    fn check(&self) -> Duration {
        let duration = self.options.max_disconnection_duration;
        duration.clamp(Duration::from_millis(1), CHECK)
    }

    /// When there may be something to forget: not after the time of a session that begins to wait only now.
    fn next(&self) -> Instant {
        let check = engine::now() + self.check();
        let expiry = self.sessions().next_expiry();
        // A moment later: at that time itself a client may still come back.
        let expiry = expiry.map(|until| until + Duration::from_millis(1));
        expiry.map_or(check, |expiry| expiry.min(check))
    }
}

impl NamespaceInner {
    /// Sees to it that a task forgets in time what is kept for clients that may come back, as long as there is any.
    pub(in crate::server) fn look_after_recovery(self: &Arc<Self>) {
        let Some(recovery) = self.recovery() else { return };
        if recovery.looked_after.load(Ordering::Relaxed) || recovery.is_idle() {
            return;
        }
        let Some(io) = SocketIo::upgrade(&recovery.io) else {
            return;
        };
        // Without one nobody has been connected, and what is emitted next forgets what is old.
        let Some(runtime) = io.runtimes().choose() else {
            return;
        };
        if !recovery.looked_after.swap(true, Ordering::AcqRel) {
            // It keeps a dynamic namespace alive, for those who are to find their rooms in it.
            let looks_after = LooksAfter {
                namespace: self.clone(),
                runtime: runtime.id(),
                stage: Stage::Due,
            };
            runtime.spawn(looks_after.run());
        }
    }
}

impl NamespaceInner {
    /// Sessions that are sent nothing any more forget what the log has forgotten, too.
    fn shorten_histories(&self, recovery: &Recovery) {
        let everyone = Target::default();
        // Their own statements: nobody is to wait meanwhile for the index or the sessions.
        let live = self.index().select(&everyone);
        live.iter()
            .filter_map(Socket::recoverable)
            .for_each(|it| it.lifeline.forget(&recovery.log));
        let parked = recovery.sessions().parked().select(&everyone);
        parked.each(|parked| parked.lifeline().forget(&recovery.log));
    }
}

/// The task that looks after a namespace. If its runtime ends before that is over, another one's does.
struct LooksAfter {
    namespace: Arc<NamespaceInner>,
    runtime: Id,
    stage: Stage,
}

#[derive(PartialEq, Eq)]
enum Stage {
    /// It hasn't been polled.
    Due,
    Begun,
    Over,
}

impl LooksAfter {
    async fn run(mut self) {
        self.stage = Stage::Begun;
        if let Some(recovery) = self.namespace.recovery() {
            look_after(&self.namespace, recovery).await;
        }
        self.stage = Stage::Over;
    }
}

impl Drop for LooksAfter {
    fn drop(&mut self) {
        let recovery = self.namespace.recovery().filter(|_| self.stage != Stage::Over);
        let Some((recovery, io)) =
            recovery.and_then(|recovery| Some((recovery, SocketIo::upgrade(&recovery.io)?)))
        else {
            return;
        };
        // What unwinds this thread may have been the task's own panic, which leaves the runtime as it is; but not that of one that never began.
        // Were such a runtime not forgotten, the next task would be dropped in there as well, inside of this, and so on until the stack ends.
        if self.stage == Stage::Due || !thread::panicking() {
            io.runtimes().forget(self.runtime);
        }
        recovery.looked_after.store(false, Ordering::Release);
        // Without any, the next connection that is lost has it looked after again. This one only drops what it is given.
        if !io.runtimes().is_empty() {
            foreign::step(|| self.namespace.look_after_recovery());
        }
    }
}

async fn look_after(namespace: &NamespaceInner, recovery: &Recovery) {
    let mut alive = recovery.alive.clone();
    let mut checked = engine::now();
    loop {
        let (changed, idle) = (pin!(alive.changed()), pin!(recovery.idle.notified()));
        let event = select(changed, idle);
        if let Ok(Either::Left((Err(_), _))) = timeout_at(recovery.next().into(), event).await {
            // Nobody has the server any more.
            return;
        }
        recovery.sweep();
        // Not with each session that ends: there may be many, of those that are here, too.
        if recovery.is_idle() || engine::now() >= checked + recovery.check() {
            namespace.shorten_histories(recovery);
            checked = engine::now();
        }
        if recovery.is_idle() {
            recovery.looked_after.store(false, Ordering::Release);
            // Something may have come just before that.
            if recovery.is_idle() || recovery.looked_after.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::server::ConnectionStateRecovery;

    /// What a client of long-polling says in a new session, one packet after the other.
    async fn client_says(io: &SocketIo, packets: &[&str]) {
        let mut session = String::new();
        for packet in [""].iter().chain(packets) {
            let uri = format!("/socket.io/?EIO=4&transport=polling{session}");
            let method = if session.is_empty() { "GET" } else { "POST" };
            let request = Request::builder().method(method).uri(uri);
            let request = request.body((*packet).to_owned()).unwrap();
            let answer = io.service().oneshot(request).await.unwrap();
            let body = answer.into_body().collect().await.ok().unwrap().to_bytes();
            if session.is_empty() {
                let sid = str::from_utf8(&body).unwrap().split('"').nth(3).unwrap();
                session = format!("&sid={sid}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn histories_that_were_long_once_are_small_again_though_nothing_more_is_sent() {
        let builder = SocketIo::builder().connection_state_recovery(ConnectionStateRecovery::new());
        let io = builder.ping_interval(Duration::from_secs(600)).build().unwrap();
        let main = io.of("/");
        client_says(&io, &["40"]).await;
        let here = main.sockets().remove(0);
        client_says(&io, &["40", "1"]).await;
        assert_eq!((main.len(), main.waiting_sessions()), (1, 1));
        let recovery = main.inner().recovery().unwrap();
        let lifelines = [here.recoverable().unwrap().lifeline.clone(), {
            let parked = recovery.sessions().parked().select(&Target::default());
            parked.iter().next().unwrap().kept().lifeline.clone()
        }];
        let capacities = || lifelines.each_ref().map(|lifeline| lifeline.capacity());
        for number in 0..1000 {
            main.emit("news", number);
            // Something that others are sent.
            recovery.log.reserve();
        }
        assert_eq!(capacities(), [1024, 1024]);
        drop(recovery.log.shorten(0));
        // The task that looks after them has its turn before and afterwards.
        tokio::task::yield_now().await;
        tokio::time::advance(CHECK + Duration::from_secs(1)).await;
        tokio::task::yield_now().await;
        assert_eq!((main.len(), main.waiting_sessions()), (1, 1));
        assert!(
            capacities().iter().all(|capacity| *capacity < 128),
            "{:?}",
            capacities()
        );
    }
}
