//! What servers say to each other, so that several are one to their clients.
//!
//! [`Builder::adapter`](crate::Builder::adapter) chooses a back end. Nothing else changes: handlers, selections and their
//! signatures are the same, and reach the sockets of all servers; [`Broadcast::local`](crate::Broadcast::local) keeps to this one.
//! Without an adapter, or with [`Memory`], a server is alone and pays nothing for it.
//!
//! A back end implements [`Adapter`]: it only moves [`Envelope`]s. What they mean, which answers are waited for, who is there and who
//! is missing is the same for all and not its business. Local sockets never wait for it: an event reaches them first, and when
//! the broker is down they notice nothing.
//!
//! # Writing a back end
//!
//! Here two servers in one process are joined by a channel of tokio's. A real one does the same with a broker: a task of its own takes
//! messages from a bounded queue and sends them; another reads what comes into the stream.
//!
//! ```
//! use axum_socketio::{
//!     ServerId, SocketIo,
//!     adapter::{Adapter, AdapterError, Closing, Destination, Envelope, Incoming},
//! };
//! use futures::{StreamExt, stream};
//! use tokio::sync::broadcast;
//!
//! #[derive(Debug)]
//! struct Channel(broadcast::Sender<(Option<ServerId>, Envelope)>);
//!
//! impl Adapter for Channel {
//!     fn join(&self, me: &ServerId) -> Incoming {
//!         let state = (self.0.subscribe(), me.clone());
//!         let incoming = stream::unfold(state, |(mut receiver, me)| async move {
//!             loop {
//!                 match receiver.recv().await {
//!                     // For all, or for this server.
//!                     Ok((to, envelope)) if to.is_none() || to.as_ref() == Some(&me) => {
//!                         return Some((Ok(envelope), (receiver, me)));
//!                     }
//!                     Ok(_) => {}
//!                     Err(broadcast::error::RecvError::Lagged(messages)) => {
//!                         let error = AdapterError::new(format!("{messages} messages were lost"));
//!                         return Some((Err(error), (receiver, me)));
//!                     }
//!                     Err(broadcast::error::RecvError::Closed) => return None,
//!                 }
//!             }
//!         });
//!         incoming.boxed()
//!     }
//!
//!     fn publish(&self, to: Destination<'_>, envelope: &Envelope) -> Result<(), AdapterError> {
//!         let to = match to {
//!             Destination::Everyone => None,
//!             Destination::One(server) => Some(server.clone()),
//!         };
//!         let sent = self.0.send((to, envelope.clone()));
//!         sent.map(drop).map_err(|_| AdapterError::new("nobody listens"))
//!     }
//!
//!     fn close(&self) -> Closing<'_> {
//!         Box::pin(async {})
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), axum_socketio::BuildError> {
//! let (sender, _) = broadcast::channel(1024);
//! let one = SocketIo::builder().adapter(Channel(sender.clone())).build()?;
//! let two = SocketIo::builder().adapter(Channel(sender)).build()?;
//! one.of("/").emit("hello", "to the clients of both");
//! # while one.of("/").server_count().await != 2 { tokio::task::yield_now().await }
//! # drop(two);
//! # Ok(())
//! # }
//! ```

use std::{fmt, future::Future, pin::Pin};

use futures_core::Stream;

use crate::ServerId;

mod bus;
mod cluster;
mod error;
mod members;
mod memory;
mod message;
mod payload;
mod requests;
mod snapshot;

pub use self::{
    bus::Bus,
    error::{AdapterError, Incomplete},
    memory::Memory,
    message::{Envelope, Flags, Message, Options, RequestId},
    payload::{Payload, PayloadError},
    snapshot::{RemoteHandshake, Snapshot},
};
pub(crate) use self::{
    cluster::{Cluster, HEARTBEAT_CHECK, REQUEST_TIMEOUT},
    error::Missing,
    requests::{Answer, Waiting},
    snapshot::Describe,
};

/// What other servers say, in the order in which each said it.
pub type Incoming = Pin<Box<dyn Stream<Item = Result<Envelope, AdapterError>> + Send>>;

/// The end of a back end.
pub type Closing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// The end of [back-pressure](Adapter::backpressure).
pub type Easing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A count that the broker is asked for.
pub type Counting<'a> = Pin<Box<dyn Future<Output = Result<usize, AdapterError>> + Send + 'a>>;

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination<'a> {
    /// Every other server.
    Everyone,
    /// One server: answers to its requests.
    One(&'a ServerId),
}

/// A back end: moves messages between servers. The [module](self) has a worked example.
///
/// It yields messages and is never given anything to call. One value serves one server; all of its namespaces share it.
///
/// The suite that every back end has to pass is `tests/support/cluster` of the repository.
pub trait Adapter: fmt::Debug + Send + Sync + 'static {
    /// Joins the cluster under this id, and gives what the others say. Called once, within a tokio runtime, before anything else.
    ///
    /// * Messages of one sender MUST come in the order in which it published them: clients would see events reversed.
    /// * A message MUST NOT come twice: clients would see it twice. It MAY get lost, which costs that message.
    /// * Own messages MAY come back, they are ignored.
    /// * What can't be read MUST be an `Err` item or skipped, never a panic, which is the end of the stream; it goes on after an `Err`.
    /// * A lost connection MUST be an `Err` item, followed by whatever comes after reconnecting, which is this stream's business, with
    ///   growing pauses. If the stream ends, or the runtime in which the server was built, the server leaves the cluster: it says good-bye
    ///   and is alone from then on. What it would publish or ask is an error.
    fn join(&self, me: &ServerId) -> Incoming;

    /// A namespace came to be: what is said in it is wanted from now on. Called once for each, and again only after [`leave`](Self::leave);
    /// after [`join`](Self::join) and before the first message in it is published. Back ends with a channel for each namespace subscribe
    /// here; the default does nothing.
    ///
    /// It MUST NOT block, nor ask the server for a namespace: whoever does so meanwhile waits for it. What is published after it SHOULD go
    /// out only when the subscription stands, or answers to first requests are lost.
    fn open(&self, namespace: &str) {
        let _ = namespace;
    }

    /// A namespace has ended, as those that clients ask for do with their last socket: what is said in it is not wanted any more, until it
    /// is [opened](Self::open) again. Called after the last message in it was published, and not for the namespaces there are when the server
    /// ends. Back ends with a channel for each namespace unsubscribe here, or clients could have them keep any number; the default does
    /// nothing.
    ///
    /// It MUST NOT block, nor ask the server for a namespace.
    fn leave(&self, namespace: &str) {
        let _ = namespace;
    }

    /// Sends a message. Called from within `emit`, on any thread, also outside of a runtime.
    ///
    /// * It MUST NOT block or wait: emits would. A back end that does I/O queues here, and MUST bound its queue: a broker that is down
    ///   would eat the memory.
    /// * `Err` means that the message is lost; it SHOULD be given when the queue is full or the broker is known to be away. The first of a
    ///   row of errors is traced and told to [`SocketIo::on_adapter_error`](crate::SocketIo::on_adapter_error).
    /// * [`Destination::One`] MAY be sent to everyone where the broker has no better way: who has not asked ignores answers.
    ///
    /// # Errors
    ///
    /// The message was not sent and won't be.
    fn publish(&self, to: Destination<'_>, envelope: &Envelope) -> Result<(), AdapterError>;

    /// Leaves the cluster. Called once; nothing is asked of it afterwards, not even to open or leave a namespace. What was published before SHOULD have been sent when this resolves: the last message is the good-bye, without
    /// which others wait for this server for some seconds more. Nothing is published afterwards.
    fn close(&self) -> Closing<'_>;

    /// How many servers have this namespace, this one included, for back ends whose broker knows it (`PUBSUB NUMSUB`).
    ///
    /// The default, `None`, is to find out by heartbeats: every server says every five seconds that it is there, and who was silent for ten
    /// is gone. A back end that overrides this sends no heartbeats, as its Node counterpart expects; then missing servers are counted but
    /// not named. The count is dropped when nobody waits for the answers any more.
    fn count_servers(&self, namespace: &str) -> Option<Counting<'_>> {
        let _ = namespace;
        None
    }

    /// More has been published than can be taken in: gives what resolves when that is over. The default, `None`, is that it never is.
    ///
    /// Asked after each message of a client: it MUST be cheap where it is `None`. Until it is over, one message at most is taken from each
    /// client, whose others wait in its connection as they do where its handlers are slow. So those who say the most are slowed, and what waits
    /// grows by no more than a message of each client a second: a back end that bounds its queue may still lose messages where many clients send
    /// long ones to a server that takes them slowly. Who emits elsewhere isn't slowed.
    ///
    /// It SHOULD resolve soon also where the broker or another server is stuck: clients shall not wait for those. After a second it is given up,
    /// and asked for once more with the next message of a client.
    fn backpressure(&self) -> Option<Easing> {
        None
    }

    /// There is no other server and never will be, so nothing need be published. Only [`Memory`] says so.
    fn is_alone(&self) -> bool {
        false
    }
}
