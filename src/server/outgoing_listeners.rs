//! Listeners for what is sent to a client.

use std::{cell::Cell, sync::Arc};

use crate::{
    foreign::Inside,
    packet::args::EventPayload,
    server::{
        EventListener, EventParts, Hears, ListenerId, Position, Socket,
        dispatch::{self, Run},
        emit::EventPacket,
        runtimes,
        socket_listeners::SocketListeners,
    },
};

impl Socket {
    /// Registers a listener for what is sent to the client. From now on emits of the namespace look whether a socket has one.
    pub(crate) fn hear_outgoing(&self, position: Position, listener: Arc<dyn EventListener>) -> ListenerId {
        let id = self.listeners().add(position, Hears::AnyOutgoing(listener));
        self.home().set_tells_outgoing();
        id
    }

    /// Tells the listeners of this socket of an event on its way to the client.
    #[cold]
    pub(super) fn tell_outgoing(&self, packet: &EventPacket) {
        let listeners = self
            .own_listeners()
            .map(SocketListeners::any_outgoing)
            .unwrap_or_default();
        if listeners.is_empty() || TELLING.get() {
            return;
        }
        // They are dropped as it leaves, and a disconnect handler forgets what they have noted.
        let Some(_start) = self.begin_to_tell() else {
            return;
        };
        packet.read(self.home().parser(), |event| self.tell(&listeners, &event));
    }

    fn tell(&self, listeners: &[Arc<dyn EventListener>], event: &EventPayload<'_>) {
        // Whoever sends may have no runtime, and listeners may want one from their first poll on.
        let runtime = self.io().runtimes().elsewhere();
        let _entered = runtime.as_ref().and_then(runtimes::enter);
        for listener in listeners {
            let mut no_ack = None;
            let mut parts = EventParts::new(self, &event.name, event.args.clone(), &mut no_ack);
            let run = dispatch::prepare(self, "outgoing", Some(&event.name), || {
                let _telling = Inside::enter(&TELLING);
                listener.call(&mut parts)
            });
            if let Some(run) = run {
                dispatch::start_or_spawn(self, told(run));
            }
        }
    }
}

/// The run of such a listener, of whose own emits nobody is told.
fn told(mut run: Run) -> Run {
    Box::pin(std::future::poll_fn(move |cx| {
        let _telling = Inside::enter(&TELLING);
        run.as_mut().poll(cx)
    }))
}

thread_local! {
    /// A listener for what is sent is being polled by this thread.
    static TELLING: Cell<bool> = const { Cell::new(false) };
}
