//! Listeners that one socket has for itself.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::server::{DisconnectListener, EventListener};

/// Names a listener of one socket, to remove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenerId(u64);

/// What was registered on one socket, in that order.
#[derive(Default)]
pub(crate) struct SocketListeners {
    entries: Mutex<Entries>,
    next: AtomicU64,
}

#[derive(Default)]
struct Entries {
    list: Vec<Entry>,
    /// The socket has left: nobody hears anything any more.
    closed: bool,
}

struct Entry {
    id: ListenerId,
    hears: Hears,
}

enum Hears {
    Event {
        name: Box<str>,
        once: bool,
        listener: Arc<dyn EventListener>,
    },
    Any(Arc<dyn EventListener>),
    Disconnecting(Arc<dyn DisconnectListener>),
    Disconnect(Arc<dyn DisconnectListener>),
}

impl SocketListeners {
    pub(crate) fn add_event(&self, name: &str, once: bool, listener: Arc<dyn EventListener>) -> ListenerId {
        self.add(Hears::Event {
            name: name.into(),
            once,
            listener,
        })
    }

    pub(crate) fn add_any(&self, listener: Arc<dyn EventListener>) -> ListenerId {
        self.add(Hears::Any(listener))
    }

    pub(crate) fn add_disconnecting(&self, listener: Arc<dyn DisconnectListener>) -> ListenerId {
        self.add(Hears::Disconnecting(listener))
    }

    pub(crate) fn add_disconnect(&self, listener: Arc<dyn DisconnectListener>) -> ListenerId {
        self.add(Hears::Disconnect(listener))
    }

    pub(super) fn remove(&self, id: ListenerId) -> bool {
        !self.take(|entry| entry.id == id).is_empty()
    }

    pub(super) fn remove_event(&self, event: &str) {
        drop(self.take(|entry| entry.hears.event() == Some(event)));
    }

    pub(super) fn event_names(&self) -> Vec<Box<str>> {
        let mut names: Vec<Box<str>> = Vec::new();
        for name in self.lock().list.iter().filter_map(|entry| entry.hears.event()) {
            if !names.iter().any(|known| **known == *name) {
                names.push(name.into());
            }
        }
        names
    }

    /// Those that hear every event, and those that hear this one. Takes out those that hear it once.
    pub(super) fn event(&self, event: &str) -> [Vec<Arc<dyn EventListener>>; 2] {
        let mut entries = self.lock();
        let [mut any, mut named] = [Vec::new(), Vec::new()];
        // A listener that is taken out goes on living in what is given back.
        entries.list.retain(|entry| {
            match &entry.hears {
                Hears::Any(listener) => any.push(listener.clone()),
                Hears::Event { name, once, listener } if **name == *event => {
                    named.push(listener.clone());
                    return !once;
                }
                _ => {}
            }
            true
        });
        [any, named]
    }

    pub(super) fn disconnecting(&self) -> Vec<Arc<dyn DisconnectListener>> {
        let entries = self.lock();
        let heard = entries.list.iter().filter_map(|entry| match &entry.hears {
            Hears::Disconnecting(listener) => Some(listener.clone()),
            _ => None,
        });
        heard.collect()
    }

    pub(super) fn disconnect(&self) -> Vec<Arc<dyn DisconnectListener>> {
        let entries = self.lock();
        let heard = entries.list.iter().filter_map(|entry| match &entry.hears {
            Hears::Disconnect(listener) => Some(listener.clone()),
            _ => None,
        });
        heard.collect()
    }

    /// Drops them all and lets no more in.
    pub(super) fn close(&self) {
        let mut entries = self.lock();
        entries.closed = true;
        let list = std::mem::take(&mut entries.list);
        drop(entries);
        drop(list);
    }

    fn add(&self, hears: Hears) -> ListenerId {
        let id = ListenerId(self.next.fetch_add(1, Ordering::Relaxed));
        let mut entries = self.lock();
        // One that was added to a socket that has left would never be dropped, if it owns the socket.
        if !entries.closed {
            entries.list.push(Entry { id, hears });
        }
        id
    }

    /// Takes entries out. They are dropped by the caller, without the lock: what a listener owns may call back.
    fn take(&self, mut which: impl FnMut(&Entry) -> bool) -> Vec<Entry> {
        self.lock().list.extract_if(.., |entry| which(entry)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hears {
    fn event(&self) -> Option<&str> {
        match self {
            Self::Event { name, .. } => Some(name),
            _ => None,
        }
    }
}

impl fmt::Debug for SocketListeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.event_names()).finish()
    }
}
