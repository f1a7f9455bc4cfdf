//! Events that servers send to each other.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    ServerId,
    adapter::{Cluster, Message, Payload, RequestId},
    foreign::{self, Panicked, brief},
    packet::ArgError,
    server::{EmitError, namespace::NamespaceInner},
};

/// An event that another server sent to this one. A cheap handle.
#[derive(Clone, Debug)]
pub struct ServerEvent(Arc<Heard>);

#[derive(Debug)]
struct Heard {
    packet: Payload,
    sender: ServerId,
    namespace: Box<str>,
    cluster: Arc<Cluster>,
    /// Taken by the first answer.
    request: Mutex<Option<RequestId>>,
}

impl ServerEvent {
    /// The server that sent it.
    #[must_use]
    pub fn sender(&self) -> &ServerId {
        &self.0.sender
    }

    /// The arguments: a tuple takes several, `()` none, anything else the first.
    ///
    /// # Errors
    ///
    /// They are no `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, ArgError> {
        self.0.packet.read_event()
    }

    /// Answers. Only the first answer counts, and only if the sender wants one and the namespace is still there.
    ///
    /// # Errors
    ///
    /// The answer can't be serialised.
    pub fn ack<A: Serialize>(&self, args: A) -> Result<(), EmitError> {
        let packet = Payload::answer(&args)?;
        let request = self
            .0
            .request
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(request) = request {
            let answer = Message::ServerAck { request, packet };
            self.0.cluster.answer(&self.0.namespace, &self.0.sender, answer);
        }
        Ok(())
    }
}

type Run = Pin<Box<dyn Future<Output = ()> + Send>>;
type Listener = Arc<dyn Fn(ServerEvent) -> Run + Send + Sync>;

/// The listeners of a namespace for events of other servers, in the order of registration.
#[derive(Default)]
pub(in crate::server) struct ServerListeners(Mutex<Vec<(Box<str>, Listener)>>);

impl ServerListeners {
    pub(super) fn add<F: Future<Output = ()> + Send + 'static>(
        &self,
        event: &str,
        listener: impl Fn(ServerEvent) -> F + Send + Sync + 'static,
    ) {
        let listener: Listener = Arc::new(move |event| Box::pin(listener(event)));
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.push((event.into(), listener));
    }

    /// The same listeners, on their own from now on.
    pub(in crate::server) fn snapshot(&self) -> Self {
        let listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Self(Mutex::new(listeners.clone()))
    }

    fn of(&self, event: &str) -> Vec<Listener> {
        let listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let named = listeners.iter().filter(|(name, _)| **name == *event);
        named.map(|(_, listener)| listener.clone()).collect()
    }
}

impl NamespaceInner {
    /// Starts the listeners of an event inline, in the order in which events came; one that waits moves to a task of its own.
    pub(super) fn hear_server(
        &self,
        cluster: &Arc<Cluster>,
        sender: ServerId,
        packet: &Payload,
        request: Option<RequestId>,
    ) {
        let Some(name) = packet.event_name() else {
            return;
        };
        let event = ServerEvent(Arc::new(Heard {
            packet: packet.clone(),
            sender,
            namespace: self.name().into(),
            cluster: cluster.clone(),
            request: Mutex::new(request),
        }));
        for listener in self.server_listeners().of(&name) {
            match start(&listener, event.clone()) {
                Ok(Some(rest)) => {
                    let (namespace, name) = (Box::<str>::from(self.name()), Box::<str>::from(&*name));
                    cluster.runtime().spawn(async move {
                        if foreign::run(rest).await.is_err() {
                            panicked(&namespace, &name);
                        }
                    });
                }
                Ok(None) => {}
                Err(_) => panicked(self.name(), &name),
            }
        }
    }
}

fn panicked(namespace: &str, event: &str) {
    let (namespace, event) = (brief(namespace), brief(event));
    crate::log::error!(namespace, event, "a listener of servers' events panicked");
}

/// Polls once; gives back what waits.
fn start(listener: &Listener, event: ServerEvent) -> Result<Option<Run>, Panicked> {
    let mut run = foreign::call(|| listener(event))?;
    let polled = foreign::call(|| run.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    if matches!(polled, Ok(Poll::Pending)) {
        return Ok(Some(run));
    }
    // A future that panicked in its poll may panic again in its drop.
    foreign::dispose(run);
    polled.map(|_| None)
}
