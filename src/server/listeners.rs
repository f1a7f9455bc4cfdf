//! The handlers of a namespace, and those of one socket.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::server::{
    ConnectListener, DisconnectListener, ErrorListener, EventListener, Middleware, PacketMiddleware,
};

/// A list that is read often and seldom changed: reading takes a reference count, so handlers run without a lock.
pub(super) type List<L> = Arc<[Arc<L>]>;

/// What is registered on a namespace. It is shared by all of its sockets.
#[derive(Default)]
pub(crate) struct Listeners(RwLock<Lists>);

#[derive(Clone, Default)]
struct Lists {
    /// The names are the application's own, so they need no hash that withstands an attacker.
    events: HashMap<Box<str>, List<dyn EventListener>, foldhash::fast::RandomState>,
    any: Option<List<dyn EventListener>>,
    connect: Option<List<dyn ConnectListener>>,
    middlewares: Option<List<dyn Middleware>>,
    packet_middlewares: Option<List<dyn PacketMiddleware>>,
    disconnecting: Option<List<dyn DisconnectListener>>,
    disconnect: Option<List<dyn DisconnectListener>>,
    error: Option<Arc<dyn ErrorListener>>,
}

impl Listeners {
    pub(crate) fn add_event(&self, event: &str, listener: Arc<dyn EventListener>) {
        let mut lists = self.write();
        let list = lists.events.remove(event);
        lists
            .events
            .insert(event.into(), appended(list.as_ref(), listener));
    }

    pub(crate) fn add_any(&self, listener: Arc<dyn EventListener>) {
        append(&mut self.write().any, listener);
    }

    pub(crate) fn add_connect(&self, listener: Arc<dyn ConnectListener>) {
        append(&mut self.write().connect, listener);
    }

    pub(crate) fn add_middleware(&self, middleware: Arc<dyn Middleware>) {
        append(&mut self.write().middlewares, middleware);
    }

    pub(super) fn add_packet_middleware(&self, middleware: Arc<dyn PacketMiddleware>) {
        append(&mut self.write().packet_middlewares, middleware);
    }

    pub(crate) fn add_disconnecting(&self, listener: Arc<dyn DisconnectListener>) {
        append(&mut self.write().disconnecting, listener);
    }

    pub(crate) fn add_disconnect(&self, listener: Arc<dyn DisconnectListener>) {
        append(&mut self.write().disconnect, listener);
    }

    /// The same handlers, on their own from now on.
    pub(super) fn snapshot(&self) -> Self {
        Self(RwLock::new(self.read().clone()))
    }

    pub(crate) fn set_error(&self, listener: Arc<dyn ErrorListener>) {
        // The old one may own what its drop calls back with, so it goes without the lock.
        let replaced = self.write().error.replace(listener);
        drop(replaced);
    }

    /// Those that hear every event, and those that hear this one.
    pub(super) fn event(&self, event: &str) -> [Option<List<dyn EventListener>>; 2] {
        let lists = self.read();
        [lists.any.clone(), lists.events.get(event).cloned()]
    }

    pub(super) fn connect(&self) -> Option<List<dyn ConnectListener>> {
        self.read().connect.clone()
    }

    pub(super) fn middlewares(&self) -> Option<List<dyn Middleware>> {
        self.read().middlewares.clone()
    }

    pub(super) fn packet_middlewares(&self) -> Option<List<dyn PacketMiddleware>> {
        self.read().packet_middlewares.clone()
    }

    pub(super) fn disconnecting(&self) -> Option<List<dyn DisconnectListener>> {
        self.read().disconnecting.clone()
    }

    pub(super) fn disconnect(&self) -> Option<List<dyn DisconnectListener>> {
        self.read().disconnect.clone()
    }

    pub(super) fn error(&self) -> Option<Arc<dyn ErrorListener>> {
        self.read().error.clone()
    }

    fn read(&self) -> RwLockReadGuard<'_, Lists> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Lists> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.read().events.keys()).finish()
    }
}

fn append<L: ?Sized>(list: &mut Option<List<L>>, listener: Arc<L>) {
    *list = Some(appended(list.as_ref(), listener));
}

fn appended<L: ?Sized>(list: Option<&List<L>>, listener: Arc<L>) -> List<L> {
    list.into_iter()
        .flat_map(|list| list.iter().cloned())
        .chain([listener])
        .collect()
}
