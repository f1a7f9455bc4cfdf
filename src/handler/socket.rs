//! Registering handlers with one socket, as in JS.

use crate::{
    handler::{DisconnectHandler, EventHandler, disconnect, event as events, reserved},
    server::{ListenerId, Socket},
};

/// Handlers of this socket alone.
///
/// Handlers of a [`Namespace`](crate::Namespace) cost no memory per connection and read its state: prefer them. A
/// handler of one socket is for what only this connection knows; closures can keep it. These handlers have no state,
/// and are dropped when the socket leaves.
///
/// See the [`handler`](crate::handler) module for what can be a handler.
impl Socket {
    /// Calls `handler` for every `event` that this socket receives, after the namespace's handlers of that event.
    ///
    /// Reserved names never arrive, as with [`Namespace::on`](crate::Namespace::on).
    ///
    /// ```
    /// use axum_socketio::{Socket, SocketIo, extract::{Auth, Data}};
    ///
    /// let io = SocketIo::new();
    /// io.of("/").on_connect(async |socket: Socket, Auth(name): Auth<String>| {
    ///     socket.on("message", async move |Data(text): Data<String>| {
    ///         println!("{name}: {text}");
    ///     });
    /// });
    /// ```
    pub fn on<H, T>(&self, event: impl AsRef<str>, handler: H) -> ListenerId
    where
        H: EventHandler<T, ()>,
        T: 'static,
    {
        self.listen(event.as_ref(), false, handler)
    }

    /// Calls `handler` for the next `event` that this socket receives, and never again.
    pub fn once<H, T>(&self, event: impl AsRef<str>, handler: H) -> ListenerId
    where
        H: EventHandler<T, ()>,
        T: 'static,
    {
        self.listen(event.as_ref(), true, handler)
    }

    /// Calls `handler` for every event that this socket receives, before the handlers of that event.
    #[doc(alias = "onAny")]
    pub fn on_any<H, T>(&self, handler: H) -> ListenerId
    where
        H: EventHandler<T, ()>,
        T: 'static,
    {
        self.listeners().add_any(events::erase(handler, ()))
    }

    /// Calls `handler` when this socket is about to leave, while it is still in its rooms.
    #[doc(alias = "disconnecting")]
    pub fn on_disconnecting<H, T>(&self, handler: H) -> ListenerId
    where
        H: DisconnectHandler<T, ()>,
        T: 'static,
    {
        self.listeners().add_disconnecting(disconnect::erase(handler, ()))
    }

    /// Calls `handler` when this socket has left.
    #[doc(alias = "disconnect")]
    pub fn on_disconnect<H, T>(&self, handler: H) -> ListenerId
    where
        H: DisconnectHandler<T, ()>,
        T: 'static,
    {
        self.listeners().add_disconnect(disconnect::erase(handler, ()))
    }

    fn listen<H, T>(&self, event: &str, once: bool, handler: H) -> ListenerId
    where
        H: EventHandler<T, ()>,
        T: 'static,
    {
        reserved::warn_of(event);
        self.listeners()
            .add_event(event, once, events::erase(handler, ()))
    }
}
