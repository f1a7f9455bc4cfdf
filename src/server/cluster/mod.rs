//! Selections across servers: what is published, what is done for others, what is asked of them.

mod asking;
mod emit;
mod fetch;
mod held_back;
mod inbound;
mod namespace;
mod questions;
mod remote_socket;
mod server_event;
mod snapshot;
mod turns;

use std::{
    future::poll_fn,
    sync::{Arc, Weak},
    task::{Poll, ready},
    time::Duration,
};

use futures_util::StreamExt;
use tokio::runtime::Handle;

pub(super) use self::{held_back::HeldBack, questions::Questions, server_event::ServerListeners};
pub use self::{remote_socket::RemoteSocket, server_event::ServerEvent};
use crate::{
    adapter::{AdapterError, Answer, Cluster, Envelope, HEARTBEAT_CHECK, Incoming, Waiting},
    foreign::{self, Foreign, Panicked},
    server::{SocketIo, builder::Settings, io::IoInner},
};

/// Joins the other servers, where there is an adapter.
pub(super) fn join(settings: &Settings) -> Option<(Arc<Cluster>, Incoming)> {
    let adapter = settings.adapter.clone()?;
    // The builder has made sure that there is one.
    let runtime = Handle::try_current().ok()?;
    Some(Cluster::join(adapter, runtime))
}

/// Hears what other servers say, as long as the server lives.
pub(super) fn start(io: &SocketIo, incoming: Incoming) {
    let Some(cluster) = io.cluster().cloned() else {
        return;
    };
    let (runtime, io) = (cluster.runtime().clone(), io.downgrade());
    let ear = Ear { cluster, io };
    runtime.spawn(async move {
        ear.hear(Heard::new(incoming)).await;
        ear.cluster.close().await;
    });
}

/// Whoever hears for a server. It may be dropped before it is done, with its runtime.
struct Ear {
    cluster: Arc<Cluster>,
    io: Weak<IoInner>,
}

impl Ear {
    async fn hear(&self, mut heard: Heard) {
        while !self.cluster.is_closed() {
            let what = heard.next().await;
            // A stream that is never silent shall not keep the thread from its other tasks.
            tokio::task::consume_budget().await;
            // Nobody has the server any more.
            let Some(io) = SocketIo::upgrade(&self.io) else {
                return;
            };
            let ends = matches!(what, What::End | What::Panicked(_));
            handle(&io, &self.cluster, what);
            if ends {
                return;
            }
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        if self.cluster.is_closed() {
            return;
        }
        match SocketIo::upgrade(&self.io) {
            Some(_io) => self.cluster.handle_end(),
            // There is nobody to tell, but the other servers.
            None => self.cluster.depart(),
        }
    }
}

/// A panic in what it causes, in the back end perhaps, must not cost the server its ears.
fn handle(io: &SocketIo, cluster: &Arc<Cluster>, what: What) {
    let handled = foreign::call(|| match what {
        What::Said(Ok(envelope)) => {
            if let Some(order) = cluster.handle(envelope) {
                inbound::carry_out(io, cluster, order);
            }
        }
        What::Said(Err(error)) => cluster.handle_error(&error),
        What::Tick => cluster.handle_tick(),
        What::End => cluster.handle_end(),
        What::Panicked(panicked) => {
            cluster.handle_error(&AdapterError::panicked(panicked));
            cluster.handle_end();
        }
    });
    if handled.is_err() {
        crate::log::error!("what another server wanted, or a heartbeat, caused a panic");
    }
}

enum What {
    Said(Result<Envelope, AdapterError>),
    Tick,
    End,
    /// A stream that has panicked is not asked again.
    Panicked(Panicked),
}

struct Heard {
    incoming: Foreign<Incoming>,
    clock: tokio::time::Interval,
}

impl Heard {
    fn new(incoming: Incoming) -> Self {
        let clock = tokio::time::interval(HEARTBEAT_CHECK);
        let incoming = Foreign::new(incoming);
        Self { incoming, clock }
    }

    async fn next(&mut self) -> What {
        poll_fn(|cx| {
            // The clock first: a flood of messages shall not stop the heartbeats.
            if self.clock.poll_tick(cx).is_ready() {
                return Poll::Ready(What::Tick);
            }
            let said = match foreign::call(|| self.incoming.get_mut().poll_next_unpin(cx)) {
                Ok(said) => ready!(said),
                Err(panicked) => return Poll::Ready(What::Panicked(panicked)),
            };
            Poll::Ready(said.map_or(What::End, What::Said))
        })
        .await
    }
}

/// Takes all answers.
///
/// # Errors
///
/// Some are missing: the time was up, or, for which there is an error, they are not heard any more.
async fn collect(
    waiting: &mut Waiting,
    timeout: Duration,
    mut take: impl FnMut(Answer),
) -> Result<(), Option<AdapterError>> {
    let all = async {
        while let Some(answer) = poll_fn(|cx| waiting.poll_answer(cx)).await {
            take(answer?);
        }
        Ok(())
    };
    let in_time = tokio::time::timeout(timeout, all).await;
    in_time.map_err(|_| None)?.map_err(Some)
}
