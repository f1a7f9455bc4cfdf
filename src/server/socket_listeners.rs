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
    entries: Mutex<Vec<Entry>>,
    next: AtomicU64,
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

/// Of the sockets that have none.
pub(super) static NONE: SocketListeners = SocketListeners {
    entries: Mutex::new(Vec::new()),
    next: AtomicU64::new(0),
};

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
        let mut entries = self.lock();
        let before = entries.len();
        entries.retain(|entry| entry.id != id);
        entries.len() != before
    }

    pub(super) fn remove_event(&self, event: &str) {
        self.lock()
            .retain(|entry| entry.hears.event().is_none_or(|name| name != event));
    }

    pub(super) fn event_names(&self) -> Vec<Box<str>> {
        let mut names: Vec<Box<str>> = Vec::new();
        for name in self.lock().iter().filter_map(|entry| entry.hears.event()) {
            if !names.iter().any(|known| **known == *name) {
                names.push(name.into());
            }
        }
        names
    }

    /// Those that hear this event, first the ones that hear every event. Takes out those that hear it once.
    pub(super) fn event(&self, event: &str) -> Vec<Arc<dyn EventListener>> {
        let mut entries = self.lock();
        let any = entries.iter().filter_map(|entry| match &entry.hears {
            Hears::Any(listener) => Some(listener.clone()),
            _ => None,
        });
        let mut heard: Vec<_> = any.collect();
        entries.retain(|entry| match &entry.hears {
            Hears::Event { name, once, listener } if **name == *event => {
                heard.push(listener.clone());
                !once
            }
            _ => true,
        });
        heard
    }

    pub(super) fn disconnecting(&self) -> Vec<Arc<dyn DisconnectListener>> {
        let entries = self.lock();
        let heard = entries.iter().filter_map(|entry| match &entry.hears {
            Hears::Disconnecting(listener) => Some(listener.clone()),
            _ => None,
        });
        heard.collect()
    }

    pub(super) fn disconnect(&self) -> Vec<Arc<dyn DisconnectListener>> {
        let entries = self.lock();
        let heard = entries.iter().filter_map(|entry| match &entry.hears {
            Hears::Disconnect(listener) => Some(listener.clone()),
            _ => None,
        });
        heard.collect()
    }

    pub(super) fn clear(&self) {
        // Dropped after the lock is released: a listener may own what its drop calls back with.
        let entries = std::mem::take(&mut *self.lock());
        drop(entries);
    }

    fn add(&self, hears: Hears) -> ListenerId {
        let id = ListenerId(self.next.fetch_add(1, Ordering::Relaxed));
        self.lock().push(Entry { id, hears });
        id
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
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
