//! Typed values kept with a socket.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::foreign;

/// Values of any type, at most one per type, kept with a socket in this process: like [`http::Extensions`], shared.
///
/// ```
/// # use axum_socketio::Socket;
/// #[derive(Clone)]
/// struct UserName(String);
///
/// async fn signed_in(socket: Socket) {
///     socket.extensions().insert(UserName("Ada".to_owned()));
/// }
///
/// async fn later(socket: Socket) {
///     let name = socket.extensions().get::<UserName>().map(|name| name.0);
/// #   drop(name);
/// }
/// ```
#[derive(Default)]
pub struct Extensions(Mutex<http::Extensions>);

impl Extensions {
    /// Keeps a value, and gives back the one of this type that was there.
    pub fn insert<T: Clone + Send + Sync + 'static>(&self, value: T) -> Option<T> {
        self.lock().insert(value)
    }

    /// A clone of the value of this type.
    #[must_use]
    pub fn get<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.lock().get().cloned()
    }

    /// Takes the value of this type out.
    pub fn remove<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.lock().remove()
    }

    /// What is here now.
    pub(super) fn snapshot(&self) -> http::Extensions {
        self.lock().clone()
    }

    pub(super) fn replace(&self, extensions: http::Extensions) {
        *self.lock() = extensions;
    }

    fn lock(&self) -> MutexGuard<'_, http::Extensions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Extensions {
    fn drop(&mut self) {
        let extensions = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        foreign::dispose(std::mem::take(extensions));
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extensions").finish_non_exhaustive()
    }
}
