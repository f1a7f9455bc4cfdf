//! Listeners that one socket has for itself.

use std::{
    fmt, mem,
    ops::Deref,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    foreign,
    server::{DisconnectListener, ErrorListener, EventListener, PacketMiddleware, Socket},
};

/// Names a listener of one socket, to remove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenerId(u64);

/// What was registered on one socket, in the order in which it is called.
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

/// Where among its likes a listener is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    First,
    Last,
}

/// What a listener hears.
pub(crate) enum Hears {
    Event {
        name: Box<str>,
        once: bool,
        listener: Arc<dyn EventListener>,
    },
    Any(Arc<dyn EventListener>),
    AnyOutgoing(Arc<dyn EventListener>),
    Middleware(Arc<dyn PacketMiddleware>),
    Disconnecting(Arc<dyn DisconnectListener>),
    Disconnect(Arc<dyn DisconnectListener>),
    Error(Arc<dyn ErrorListener>),
}

/// Listeners that are to be called. Those of a socket may be the last that are known, if they were taken away meanwhile or hear once: a
/// panic in the drop of one goes no further.
pub(super) struct Heard<L: ?Sized>(Vec<Arc<L>>);

impl<L: ?Sized> Default for Heard<L> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<L: ?Sized> FromIterator<Arc<L>> for Heard<L> {
    fn from_iter<I: IntoIterator<Item = Arc<L>>>(listeners: I) -> Self {
        Self(listeners.into_iter().collect())
    }
}

impl<L: ?Sized> Deref for Heard<L> {
    type Target = [Arc<L>];

    fn deref(&self) -> &[Arc<L>] {
        &self.0
    }
}

impl<L: ?Sized> Drop for Heard<L> {
    fn drop(&mut self) {
        foreign::dispose_each(mem::take(&mut self.0));
    }
}

/// Taking listeners away.
impl Socket {
    /// Takes away a listener of this socket, whatever it hears; `false` if it was gone already. JS `removeListener`, `off`.
    #[expect(
        clippy::must_use_candidate,
        reason = "whether it was still there seldom matters"
    )]
    #[doc(alias = "removeListener")]
    #[doc(alias = "off")]
    pub fn remove_listener(&self, id: ListenerId) -> bool {
        self.own_listeners().is_some_and(|listeners| listeners.remove(id))
    }

    /// Takes away all listeners that this socket has for one event; those of the namespace stay. JS
    /// `removeAllListeners(event)`.
    ///
    /// As in JS, `disconnecting`, `disconnect` and `error` are the names of what [`on_disconnecting`](Self::on_disconnecting),
    /// [`on_disconnect`](Self::on_disconnect) and [`on_error`](Self::on_error) hear.
    ///
    /// ```
    /// # use axum_socketio::Socket;
    /// async fn quiet(socket: Socket) {
    ///     socket.remove_listeners("message");
    ///     assert!(!socket.event_names().contains(&"message".into()));
    /// }
    /// ```
    #[doc(alias = "removeAllListeners")]
    pub fn remove_listeners(&self, event: impl AsRef<str>) {
        if let Some(listeners) = self.own_listeners() {
            let event = event.as_ref();
            listeners.remove_all(|hears| hears.name() == Some(event));
        }
    }

    /// Takes away all listeners that this socket has for events, for its leaving and for errors; those of the namespace stay.
    ///
    /// As in JS, catch-all listeners stay, see [`off_any`](Self::off_any) and [`off_any_outgoing`](Self::off_any_outgoing), and so do
    /// middlewares.
    #[doc(alias = "removeAllListeners")]
    pub fn remove_all_listeners(&self) {
        if let Some(listeners) = self.own_listeners() {
            listeners.remove_all(|hears| hears.name().is_some());
        }
    }

    /// Takes away all catch-all listeners of this socket for what it receives; one of them goes with
    /// [`remove_listener`](Self::remove_listener).
    #[doc(alias = "offAny")]
    pub fn off_any(&self) {
        if let Some(listeners) = self.own_listeners() {
            listeners.remove_all(|hears| matches!(hears, Hears::Any(_)));
        }
    }

    /// Takes away all catch-all listeners of this socket for what it sends; one of them goes with
    /// [`remove_listener`](Self::remove_listener).
    #[doc(alias = "offAnyOutgoing")]
    pub fn off_any_outgoing(&self) {
        if let Some(listeners) = self.own_listeners() {
            listeners.remove_all(|hears| matches!(hears, Hears::AnyOutgoing(_)));
        }
    }

    /// The events that this socket has listeners of its own for, in the order in which they are called; `disconnecting`, `disconnect`
    /// and `error` among them.
    #[must_use]
    #[doc(alias = "eventNames")]
    pub fn event_names(&self) -> Vec<Box<str>> {
        self.own_listeners()
            .map(SocketListeners::event_names)
            .unwrap_or_default()
    }
}

impl SocketListeners {
    /// Registers a listener and names it.
    pub(crate) fn add(&self, position: Position, hears: Hears) -> ListenerId {
        let id = ListenerId(self.next.fetch_add(1, Ordering::Relaxed));
        let mut entries = self.lock();
        // One that was added to a socket that has left would never be dropped, if it owns the socket.
        if !entries.closed {
            let at = match position {
                Position::First => 0,
                Position::Last => entries.list.len(),
            };
            entries.list.insert(at, Entry { id, hears });
        }
        id
    }

    fn remove(&self, id: ListenerId) -> bool {
        let taken = self.take(|entry| entry.id == id);
        let was_there = !taken.is_empty();
        foreign::dispose_each(taken);
        was_there
    }

    fn remove_all(&self, which: impl Fn(&Hears) -> bool) {
        foreign::dispose_each(self.take(|entry| which(&entry.hears)));
    }

    fn event_names(&self) -> Vec<Box<str>> {
        let mut names: Vec<Box<str>> = Vec::new();
        for name in self.lock().list.iter().filter_map(|entry| entry.hears.name()) {
            if !names.iter().any(|known| **known == *name) {
                names.push(name.into());
            }
        }
        names
    }

    /// Those that hear every event, and those that hear this one. Takes out those that hear it once.
    pub(super) fn event(&self, event: &str) -> [Heard<dyn EventListener>; 2] {
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
        [Heard(any), Heard(named)]
    }

    pub(super) fn any(&self) -> Heard<dyn EventListener> {
        self.those(|hears| match hears {
            Hears::Any(listener) => Some(listener),
            _ => None,
        })
    }

    pub(super) fn middlewares(&self) -> Heard<dyn PacketMiddleware> {
        self.those(|hears| match hears {
            Hears::Middleware(middleware) => Some(middleware),
            _ => None,
        })
    }

    pub(super) fn any_outgoing(&self) -> Heard<dyn EventListener> {
        self.those(|hears| match hears {
            Hears::AnyOutgoing(listener) => Some(listener),
            _ => None,
        })
    }

    pub(super) fn disconnecting(&self) -> Heard<dyn DisconnectListener> {
        self.those(|hears| match hears {
            Hears::Disconnecting(listener) => Some(listener),
            _ => None,
        })
    }

    pub(super) fn disconnect(&self) -> Heard<dyn DisconnectListener> {
        self.those(|hears| match hears {
            Hears::Disconnect(listener) => Some(listener),
            _ => None,
        })
    }

    pub(super) fn error(&self) -> Heard<dyn ErrorListener> {
        self.those(|hears| match hears {
            Hears::Error(listener) => Some(listener),
            _ => None,
        })
    }

    /// Drops them all and lets no more in.
    pub(super) fn close(&self) {
        let mut entries = self.lock();
        entries.closed = true;
        let list = mem::take(&mut entries.list);
        drop(entries);
        // What a listener owns may panic when it is dropped. The others hear of the end all the same.
        foreign::dispose_each(list);
    }

    fn those<L: ?Sized>(&self, pick: impl Fn(&Hears) -> Option<&Arc<L>>) -> Heard<L> {
        let entries = self.lock();
        let picked = entries.list.iter().filter_map(|entry| pick(&entry.hears));
        Heard(picked.cloned().collect())
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
    /// The event's name in JS; catch-all listeners have none.
    fn name(&self) -> Option<&str> {
        match self {
            Self::Event { name, .. } => Some(name),
            Self::Disconnecting(_) => Some("disconnecting"),
            Self::Disconnect(_) => Some("disconnect"),
            Self::Error(_) => Some("error"),
            Self::Any(_) | Self::AnyOutgoing(_) | Self::Middleware(_) => None,
        }
    }
}

impl fmt::Debug for SocketListeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.event_names()).finish()
    }
}
