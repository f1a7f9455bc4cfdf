//! What a namespace is across servers.

use std::{future::Future, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    ServerId, SocketId,
    adapter::{Adapter, AdapterError, Answer, Incomplete, Memory, Message, Payload, REQUEST_TIMEOUT},
    server::{EmitError, Namespace, RemoteSocket, ServerEvent, SocketIo, cluster::collect},
};

/// Names that Node's namespaces emit themselves.
const RESERVED: [&str; 3] = ["connect", "connection", "new_namespace"];

const LOST: &str = "an event for other servers was lost";

impl<S> Namespace<S> {
    /// The back end that joins this server to others; [`Memory`] where there is none.
    #[must_use]
    pub fn adapter(&self) -> Arc<dyn Adapter> {
        match self.inner().cluster() {
            Some(cluster) => cluster.adapter().clone(),
            None => Arc::new(Memory),
        }
    }

    /// How many servers have this namespace, this one included. JS `adapter.serverCount()`.
    #[doc(alias = "serverCount")]
    pub async fn server_count(&self) -> usize {
        match self.inner().cluster() {
            Some(cluster) => cluster.server_count(self.name()).await,
            None => 1,
        }
    }

    /// The sockets of all servers, see [`Broadcast::fetch_sockets`](crate::Broadcast::fetch_sockets).
    ///
    /// # Errors
    ///
    /// Some servers did not answer in time, or could not be asked, or not be heard any more.
    #[doc(alias = "fetchSockets")]
    pub async fn fetch_sockets(&self) -> Result<Vec<RemoteSocket>, Incomplete<Vec<RemoteSocket>>> {
        self.everyone().fetch_sockets().await
    }

    /// The ids of the sockets of all servers. JS `namespace.clients(callback)`.
    ///
    /// # Errors
    ///
    /// Some servers did not answer in time, or could not be asked, or not be heard any more.
    pub async fn clients(&self) -> Result<Vec<SocketId>, Incomplete<Vec<SocketId>>> {
        self.everyone().clients().await
    }

    /// Sends an event to the other servers, whose [`on_server_event`](Self::on_server_event) hear it. JS `serverSideEmit`.
    ///
    /// What can't be serialised is traced; so are the reserved names `connect`, `connection` and `new_namespace`.
    #[doc(alias = "serverSideEmit")]
    pub fn server_side_emit<A: Serialize>(&self, event: impl AsRef<str>, args: A) {
        let event = event.as_ref();
        match server_event(event, &args) {
            Ok(packet) => {
                if let Some(cluster) = self.inner().cluster() {
                    let request = None;
                    cluster.publish(self.name(), Message::ServerEvent { packet, request });
                }
            }
            Err(error) => {
                self.inner().complain_of_loss(Some(event), &error, LOST);
            }
        }
    }

    /// Sends an event to the other servers and collects one answer of each, in the order in which they come. JS
    /// `serverSideEmitWithAck`.
    ///
    /// They have five seconds. One that has no listener for it, or is only just making the namespace, doesn't answer. Alone, there is nobody to
    /// answer, and nothing to wait for. An answer that is no `T` is traced and left out.
    ///
    /// # Errors
    ///
    /// Some servers did not answer in time, or, which is known at once, could not be asked, or not be heard any more because this one
    /// closes. The error names them and keeps the answers of the others. An event that can't be serialised is traced and answered by nobody.
    #[doc(alias = "serverSideEmitWithAck")]
    pub async fn server_side_emit_with_ack<T: DeserializeOwned>(
        &self,
        event: impl AsRef<str>,
        args: impl Serialize,
    ) -> Result<Vec<T>, Incomplete<Vec<T>>> {
        let event = event.as_ref();
        let packet = server_event(event, &args)
            .inspect_err(|error| {
                self.inner().complain_of_loss(Some(event), &error, LOST);
            })
            .ok();
        let (Some(cluster), Some(packet)) = (self.inner().cluster(), packet) else {
            return Ok(Vec::new());
        };
        let mut waiting = cluster.begin(self.name());
        let request = Some(waiting.id());
        let asked = cluster.ask(self.name(), Message::ServerEvent { packet, request });
        if let Err(error) = asked {
            return Err(Incomplete::new(Vec::new(), waiting.missing()).with_error(Some(error)));
        }
        let mut answers = Vec::new();
        let all = collect(&mut waiting, REQUEST_TIMEOUT, |answer| {
            if let Answer::Server(packet) = answer {
                match packet.read() {
                    Ok(answer) => answers.push(answer),
                    Err(error) => crate::log::warn!(event, %error, "a server's answer is of another type"),
                }
            }
        });
        match all.await {
            Ok(()) => Ok(answers),
            Err(error) => Err(Incomplete::new(answers, waiting.missing()).with_error(error)),
        }
    }

    /// Hears an event that other servers send with [`server_side_emit`](Self::server_side_emit). JS `namespace.on(event, listener)`.
    ///
    /// ```
    /// # use axum_socketio::{ServerEvent, SocketIo};
    /// # let io = SocketIo::new();
    /// io.of("/").on_server_event("how many", {
    ///     let sockets = io.of("/");
    ///     move |event: ServerEvent| {
    ///         let answered = event.ack(sockets.len());
    ///         async move { answered.expect("a number serialises") }
    ///     }
    /// });
    /// ```
    ///
    /// Mind that a listener which owns a clone of the server keeps it alive.
    #[doc(alias = "on")]
    pub fn on_server_event<F: Future<Output = ()> + Send + 'static>(
        self,
        event: impl AsRef<str>,
        listener: impl Fn(ServerEvent) -> F + Send + Sync + 'static,
    ) -> Self {
        self.inner().server_listeners().add(event.as_ref(), listener);
        self
    }
}

impl SocketIo {
    /// The back end that joins this server to others, see [`Namespace::adapter`]. JS `server.adapter()`.
    #[must_use]
    pub fn adapter(&self) -> Arc<dyn Adapter> {
        self.of("/").adapter()
    }

    /// The id by which other servers of the cluster know this one; `None` without an adapter.
    #[must_use]
    pub fn server_id(&self) -> Option<&ServerId> {
        self.cluster().map(|cluster| cluster.me())
    }

    /// Told when the adapter begins to fail: once for a row of errors, and of rows that follow each other five times in ten seconds. Local
    /// delivery goes on meanwhile. Replaces the last one.
    ///
    /// It runs within whatever emitted, so it must not block.
    pub fn on_adapter_error(&self, told: impl Fn(&AdapterError) + Send + Sync + 'static) {
        if let Some(cluster) = self.cluster() {
            cluster.on_error(told);
        }
    }
}

fn server_event<A: Serialize>(event: &str, args: &A) -> Result<Payload, EmitError> {
    if RESERVED.contains(&event) {
        return Err(EmitError::reserved(event));
    }
    Ok(Payload::event(event, args)?)
}
