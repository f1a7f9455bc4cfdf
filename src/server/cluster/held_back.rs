//! Clients that are not read because other servers are behind with what was said before.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::{Handle, Id},
    time::timeout,
};

use crate::{
    adapter::{AdapterError, Cluster, Easing},
    foreign,
    server::client::{Client, ClientInner},
    sync::Mutex,
};

/// Back-pressure that lasts lets one message of each client through at least this often, so that who says little hardly notices, and what
/// clients answer to heartbeats is read.
const LONGEST: Duration = Duration::from_secs(1);

/// Who waits for the end of back-pressure, each with the runtime in which it is let go. Each has had one message since it began.
#[derive(Default)]
pub(in crate::server) struct HeldBack(Mutex<Vec<(Id, Client)>>);

/// Lets those of a runtime go when it is dropped, also by a panic or by the end of that runtime.
struct Release(Arc<HeldBack>, Id);

impl ClientInner {
    /// A message was taken in. The next one waits, if what this one may have said to other servers is more than they can take: some task of the
    /// application's own may say it yet, so that this is not known.
    pub(in crate::server) fn keep_pace(&self) {
        let Some(cluster) = self.io().cluster() else {
            return;
        };
        if let Some(easing) = cluster.backpressure() {
            self.io().held_back().hold(self.client(), cluster, easing);
        }
    }
}

impl HeldBack {
    fn hold(self: &Arc<Self>, client: Client, cluster: &Arc<Cluster>, easing: Easing) {
        let easing = foreign::run(easing);
        // That of the client's task, which is driven at this moment: nobody may drive another, or the one in which the server was built.
        let runtime = Handle::try_current().unwrap_or_else(|_| cluster.runtime().clone());
        let id = runtime.id();
        client.pressed();
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = held.iter().all(|(other, _)| *other != id);
        held.push((id, client));
        drop(held);
        if is_first {
            let release = Release(self.clone(), id);
            let cluster = cluster.clone();
            runtime.spawn(async move {
                let eased = timeout(LONGEST, easing).await;
                // In any case.
                drop(release);
                if let Ok(Err(panicked)) = eased {
                    cluster.handle_error(&AdapterError::panicked(panicked));
                }
            });
        }
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        let mut held = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (clients, others) = std::mem::take(&mut *held)
            .into_iter()
            .partition::<Vec<_>, _>(|(id, _)| *id == self.1);
        *held = others;
        drop(held);
        for (_, client) in &clients {
            foreign::step(|| client.eased());
        }
    }
}
