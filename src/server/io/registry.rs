//! The namespaces of a server, by name.

use std::{
    borrow::Cow,
    sync::{Arc, PoisonError, Weak, atomic::Ordering},
};

use super::SocketIo;
use crate::{
    room::shrink,
    server::{Namespace, namespace::NamespaceInner},
};

/// A namespace as the server knows it.
pub(super) enum Registered {
    Static(Arc<NamespaceInner>),
    /// It ends when nobody else has it.
    Dynamic(Weak<NamespaceInner>),
}

impl SocketIo {
    /// The namespace of this name, created on first use. A missing leading `/` is added.
    ///
    /// Clients can connect to a namespace from its creation on, and it stays: don't make names out of what clients say. One that is made while
    /// clients are there is set up by [`of_with`](Self::of_with), or who asks for it at that moment gets past its middlewares. To have namespaces
    /// made by those who ask for them, see [`of_matching`](Self::of_matching); a name that such a pattern accepts becomes a child here too,
    /// as in Node, and one that is there already stays from then on. [`get`](Self::get) makes none.
    #[must_use]
    pub fn of(&self, name: impl AsRef<str>) -> Namespace {
        self.of_with(name, drop)
    }

    /// The namespace of this name; where there is none, it is made and given to `set_up` before any client can connect to it.
    ///
    /// For namespaces that come to be while the server runs: what [`of`](Self::of) gives can be connected to at once, so a client that asks for it
    /// just then gets past a middleware that is added in the next line. If several threads ask for the same name at once, each may set one
    /// up, and all get the one that was ready first. Who asks for the name inside of `set_up` gets another one, which stays.
    ///
    /// ```
    /// use axum_socketio::{ConnectError, Namespace, SocketIo, extract::Auth};
    ///
    /// # fn is_member(_: &str) -> bool { true }
    /// #[derive(serde::Deserialize)]
    /// struct Credentials {
    ///     token: String,
    /// }
    ///
    /// fn open_tenant(io: &SocketIo, tenant: u64) -> Namespace {
    ///     io.of_with(format!("/tenant-{tenant}"), |namespace| {
    ///         namespace.middleware(async |Auth(credentials): Auth<Credentials>| match is_member(&credentials.token) {
    ///             true => Ok(()),
    ///             false => Err(ConnectError::new("not a member")),
    ///         })
    ///     })
    /// }
    /// # drop(open_tenant(&SocketIo::new(), 7));
    /// ```
    pub fn of_with<T>(&self, name: impl AsRef<str>, set_up: impl FnOnce(Namespace) -> T) -> Namespace {
        let name = absolute(name.as_ref());
        if let Some(known) = self.namespace(&name) {
            return Namespace::new(self.keep(&name, known));
        }
        let parents = self.parents();
        let parent = parents.iter().find(|parent| parent.pattern.accepts(&name));
        let made = match parent {
            Some(parent) => self.new_child(&parent.namespace, &*name),
            None => self.new_namespace(&name),
        };
        drop(set_up(Namespace::new(made.clone())));
        Namespace::new(self.register(&name, &made, Registered::Static(made.clone())))
    }

    /// A namespace that the application has named stays, also if a client was the first to do so.
    fn keep(&self, name: &str, known: Arc<NamespaceInner>) -> Arc<NamespaceInner> {
        match known.is_child() && !self.is_kept(name) {
            true => self.register(name, &known, Registered::Static(known.clone())),
            false => known,
        }
    }

    fn is_kept(&self, name: &str) -> bool {
        let namespaces = self.0.namespaces.read().unwrap_or_else(PoisonError::into_inner);
        matches!(namespaces.get(name), Some(Registered::Static(_)))
    }

    /// The namespace of this name, if there is one; a missing leading `/` is added.
    ///
    /// ```
    /// # let io = axum_socketio::SocketIo::new();
    /// assert!(io.get("/chat").is_none());
    /// let _ = io.of("/chat");
    /// assert!(io.get("chat").is_some());
    /// ```
    #[must_use]
    pub fn get(&self, name: impl AsRef<str>) -> Option<Namespace> {
        self.namespace(&absolute(name.as_ref())).map(Namespace::new)
    }

    fn new_namespace(&self, name: &str) -> Arc<NamespaceInner> {
        // Before anyone can emit in it, and under no lock: it runs code of the back end.
        if let Some(cluster) = self.cluster() {
            cluster.open(name);
        }
        let cluster = self.0.cluster.clone();
        Arc::new(NamespaceInner::new(name, cluster, self).with_recovery(self))
    }

    /// Registers a namespace that has just been made, unless there is one of its name by now. Gives the one that is there.
    fn register(&self, name: &str, made: &Arc<NamespaceInner>, entry: Registered) -> Arc<NamespaceInner> {
        let mut namespaces = self.0.namespaces.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = namespaces.get(name).and_then(Registered::get) {
            if let Registered::Static(_) = entry {
                namespaces.insert(known.shared_name(), Registered::Static(known.clone()));
            }
            return known;
        }
        if self.0.compresses.load(Ordering::Relaxed) {
            made.set_compresses();
        }
        // First, and under the lock: whoever finds it here may join it, and then emits through its parent have to reach him.
        made.is_about_to_be_registered();
        namespaces.insert(made.shared_name(), entry);
        made.clone()
    }

    pub(in crate::server) fn register_child(
        &self,
        name: &str,
        child: &Arc<NamespaceInner>,
    ) -> Arc<NamespaceInner> {
        self.register(name, child, Registered::Dynamic(Arc::downgrade(child)))
    }

    /// Forgets a child that has ended, unless there is another one of its name by now.
    pub(in crate::server) fn unregister_child(&self, name: &str) {
        let mut namespaces = self.0.namespaces.write().unwrap_or_else(PoisonError::into_inner);
        if namespaces.get(name).is_some_and(Registered::has_ended) {
            namespaces.remove(name);
            let (left, capacity) = (namespaces.len(), namespaces.capacity());
            shrink(left, capacity, |to| namespaces.shrink_to(to));
        }
    }

    /// All of them, in no particular order.
    pub(in crate::server) fn namespaces(&self) -> Vec<Namespace> {
        let namespaces = self.0.namespaces.read().unwrap_or_else(PoisonError::into_inner);
        namespaces
            .values()
            .filter_map(Registered::get)
            .map(Namespace::new)
            .collect()
    }

    pub(in crate::server) fn namespace(&self, name: &str) -> Option<Arc<NamespaceInner>> {
        self.0
            .namespaces
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .and_then(Registered::get)
    }
}

impl Registered {
    pub(super) fn get(&self) -> Option<Arc<NamespaceInner>> {
        match self {
            Self::Static(namespace) => Some(namespace.clone()),
            Self::Dynamic(namespace) => namespace.upgrade(),
        }
    }

    fn has_ended(&self) -> bool {
        matches!(self, Self::Dynamic(namespace) if namespace.strong_count() == 0)
    }
}

fn absolute(name: &str) -> Cow<'_, str> {
    if name.starts_with('/') {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_namespaces_that_were_many_once_are_small_again() {
        let io = SocketIo::new();
        let parent = io.of_matching(|_| true);
        let name = |number| format!("/{number}");
        let children: Vec<_> = (0..10_000)
            .map(|number| io.register_child(&name(number), &io.new_child(parent.inner(), name(number))))
            .collect();
        assert_eq!(io.namespaces().len(), 10_001);
        drop(children);
        assert_eq!(io.namespaces().len(), 1);
        let known = io.0.namespaces.read().unwrap().capacity();
        let of_parent = parent.inner().children().unwrap().capacity();
        assert!(known < 128 && of_parent < 128, "{known}, {of_parent}");
    }
}
