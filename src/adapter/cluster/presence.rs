//! Coming and going. A good-bye is the last that is said in a namespace, or others would take what follows for a sign of life: who publishes
//! there at that moment is not waited for, but says it afterwards.

use std::{
    collections::hash_map::Entry,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use super::{Cluster, Core, now};
use crate::{
    adapter::{AdapterError, Message, requests::Effects},
    foreign::{self, Panicked},
    room::shrink,
};

/// What is being published in a namespace.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    messages: AtomicUsize,
    /// The good-bye is due when there are none, and no more begin.
    parting: AtomicBool,
}

/// A message is being published: the good-bye comes afterwards.
pub(super) struct Publishing<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    under_way: Arc<UnderWay>,
}

/// What has become of a good-bye.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum GoodBye {
    #[default]
    Unsaid,
    BeingSaid,
    Said,
}

/// The end of the back end, for whoever waits for it. Who gives up waiting leaves it to the next.
#[derive(Default)]
pub(super) enum End {
    #[default]
    Ahead,
    Begun(Pin<Box<dyn Future<Output = Result<(), Panicked>> + Send>>),
    Over,
}

impl Core {
    fn is_parting(&self) -> bool {
        self.under_way.parting.load(Ordering::Relaxed)
    }

    fn begin_parting(&self) {
        self.under_way.parting.store(true, Ordering::SeqCst);
    }

    /// There is one more of its name, so that it doesn't end after all.
    fn stay(&mut self) {
        self.opened += 1;
        self.under_way.parting.store(false, Ordering::Relaxed);
    }

    /// Whether it falls to whoever asks to say good-bye.
    fn begin_good_bye(&mut self) -> bool {
        let messages = self.under_way.messages.load(Ordering::SeqCst);
        let due = self.is_parting() && messages == 0 && self.good_bye == GoodBye::Unsaid;
        if due {
            self.good_bye = GoodBye::BeingSaid;
        }
        due
    }

    fn has_said_good_bye(&self) -> bool {
        self.good_bye == GoodBye::Said
    }

    fn has_ended(&self) -> bool {
        self.opened == 0
    }
}

impl Cluster {
    /// A namespace is about to be. What is open stays as it is; what somebody else is opening is open when this returns.
    pub(crate) fn open(&self, namespace: &str) {
        let opening = self.opening();
        let Some(greeting) = self.enter(namespace) else {
            return;
        };
        let opens = !self.is_closed();
        let opened = opens.then(|| self.back_end(|adapter| adapter.open(namespace)));
        let greets = self.heartbeats && !self.is_closed();
        let greeted = greets.then(|| self.hand_over_to_all(namespace, Message::InitialHeartbeat));
        drop(opening);
        // Without the lock: who says good-bye takes it.
        drop(greeting);
        // So may who hears of an error, or the log, that asks for a namespace.
        if let Some(Err(panicked)) = &opened {
            self.handle_error(panicked);
        }
        greeted.iter().for_each(|sent| self.conclude(sent));
    }

    /// A namespace that isn't open is from now on.
    fn enter<'a>(&'a self, namespace: &'a str) -> Option<Publishing<'a>> {
        let mut namespaces = self.lock();
        let under_way = match namespaces.entry(namespace.into()) {
            Entry::Occupied(mut core) => {
                match self.is_closed() {
                    true => core.get_mut().opened += 1,
                    false => core.get_mut().stay(),
                }
                return None;
            }
            Entry::Vacant(place) => place.insert(Core::new(now())).under_way.clone(),
        };
        if self.is_closed()
            && let Some(core) = namespaces.get_mut(namespace)
        {
            // It has left.
            core.begin_parting();
            core.good_bye = GoodBye::Said;
        }
        Some(Publishing::begin(self, namespace, under_way))
    }

    /// Begins to publish in a namespace.
    ///
    /// # Errors
    ///
    /// The good-bye has been said there, or is about to be.
    pub(super) fn begin_publishing<'a>(&'a self, namespace: &'a str) -> Result<Publishing<'a>, AdapterError> {
        let mut namespaces = self.lock();
        if self.is_closed() {
            return Err(server_has_left());
        }
        let core = namespaces.get_mut(namespace).filter(|core| !core.is_parting());
        let core = core.ok_or_else(namespace_has_ended)?;
        Ok(Publishing::begin(self, namespace, core.under_way.clone()))
    }

    /// A namespace has ended. The others hear it from the last one of its name.
    pub(crate) fn leave(&self, namespace: &str) {
        let mut namespaces = self.lock();
        let Some(core) = namespaces.get_mut(namespace) else {
            return;
        };
        core.opened -= 1;
        if !core.has_ended() {
            return;
        }
        core.begin_parting();
        let unanswered = std::mem::take(&mut core.requests).end(namespace_has_ended());
        drop(namespaces);
        // Who was asking is told.
        unanswered.apply();
        self.part(namespace);
    }

    /// Says the good-bye that is due, unless somebody still publishes there: he comes by when he has done so.
    fn part(&self, namespace: &str) {
        if self.is_closed() {
            // Without the lock: nobody greets any more, and a back end that is opening a namespace may be who comes by.
            let said = self.say_good_bye(namespace);
            self.tell_of_parting();
            said.iter().for_each(|said| self.conclude(said));
        }
        if self.lock().get(namespace).is_some_and(Core::has_ended) {
            self.end(namespace);
        }
    }

    fn end(&self, namespace: &str) {
        // Else the good-bye could come after the greeting of whoever opens it again.
        let opening = self.opening();
        let said = self.say_good_bye(namespace);
        let left = self.forget(namespace);
        drop(opening);
        // Whoever waits is woken, and what is left dropped, without the lock.
        self.tell_of_parting();
        said.iter().for_each(|said| self.conclude(said));
        if let Some((_, Err(panicked))) = &left {
            self.handle_error(panicked);
        }
    }

    /// Whoever waits for it has a waker of whatever executor.
    fn tell_of_parting(&self) {
        foreign::step(|| self.parted.notify_waiters());
    }

    /// Once. Gives what came of it, where servers are found that way.
    fn say_good_bye(&self, namespace: &str) -> Option<Result<(), AdapterError>> {
        let due = self.lock().get_mut(namespace).is_some_and(Core::begin_good_bye);
        if !due {
            return None;
        }
        let says = self.heartbeats;
        let said = says.then(|| self.hand_over_to_all(namespace, Message::Close));
        if let Some(core) = self.lock().get_mut(namespace) {
            core.good_bye = GoodBye::Said;
        }
        said
    }

    /// Unless it is open again, or somebody publishes there. Gives what the back end has made of it.
    fn forget(&self, namespace: &str) -> Option<(Core, Result<(), AdapterError>)> {
        let over = |core: &Core| core.has_ended() && core.has_said_good_bye();
        if !self.lock().get(namespace).is_some_and(over) {
            return None;
        }
        let left = match self.is_closed() {
            true => Ok(()),
            false => self.back_end(|adapter| adapter.leave(namespace)),
        };
        let mut namespaces = self.lock();
        let core = namespaces.remove(namespace)?;
        shrink(namespaces.len(), namespaces.capacity(), |to| {
            namespaces.shrink_to(to)
        });
        Some((core, left))
    }

    /// Says good-bye in every namespace, be it by those who publish there now; nothing is said afterwards, and nothing heard.
    pub(crate) fn depart(&self) {
        let mut namespaces = self.lock();
        self.closed.store(true, Ordering::Relaxed);
        namespaces.values_mut().for_each(|core| core.begin_parting());
        let forget = |core: &mut Core| core.forget_others(server_has_left());
        let unanswered: Vec<_> = namespaces.values_mut().map(forget).collect();
        let names: Vec<_> = namespaces.keys().cloned().collect();
        drop(namespaces);
        names.iter().for_each(|namespace| self.part(namespace));
        // Who was asking is told.
        unanswered.into_iter().for_each(Effects::apply);
    }

    /// Says good-bye in every namespace, and waits until the back end has closed, whoever asked it to.
    pub(crate) async fn close(&self) {
        self.depart();
        self.departed().await;
        let mut end = self.end.lock().await;
        if matches!(*end, End::Ahead) {
            let adapter = self.adapter.clone();
            let closing = foreign::run(Box::pin(async move { adapter.close().await }));
            *end = End::Begun(Box::pin(closing));
        }
        if let End::Begun(closing) = &mut *end {
            let closed = closing.await;
            *end = End::Over;
            drop(end);
            if let Err(panicked) = closed {
                self.handle_error(&AdapterError::panicked(panicked));
            }
        }
    }

    async fn departed(&self) {
        loop {
            let mut parted = pin!(self.parted.notified());
            parted.as_mut().enable();
            let departed = self.lock().values().all(Core::has_said_good_bye);
            if departed {
                return;
            }
            parted.await;
        }
    }
}

fn server_has_left() -> AdapterError {
    AdapterError::new("the server has left the cluster")
}

fn namespace_has_ended() -> AdapterError {
    AdapterError::new("the namespace has ended on this server")
}

impl<'a> Publishing<'a> {
    fn begin(cluster: &'a Cluster, namespace: &'a str, under_way: Arc<UnderWay>) -> Self {
        under_way.messages.fetch_add(1, Ordering::SeqCst);
        Self {
            cluster,
            namespace,
            under_way,
        }
    }
}

impl Drop for Publishing<'_> {
    fn drop(&mut self) {
        let last = self.under_way.messages.fetch_sub(1, Ordering::SeqCst) == 1;
        // Who parts says so first and then counts: one of the two sees the other.
        if last && self.under_way.parting.load(Ordering::SeqCst) {
            self.cluster.part(self.namespace);
        }
    }
}
