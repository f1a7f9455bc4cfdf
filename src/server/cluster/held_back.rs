//! Clients that are not read because other servers are behind with what was said before.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, time::timeout};

use crate::{
    adapter::{AdapterError, Cluster, Easing, said},
    foreign,
    server::{
        SocketIo,
        client::{Client, ClientInner},
    },
    sync::Mutex,
};

/// Back-pressure that lasts lets one message of each client through at least this often, so that who says little hardly notices, and what
/// clients answer to heartbeats is read.
const LONGEST: Duration = Duration::from_secs(1);

/// Who waits for the end of back-pressure. Each has had one message since it began.
#[derive(Default)]
pub(in crate::server) struct HeldBack(Mutex<Vec<Client>>);

/// Lets them go when it is dropped, also by a panic or by the end of its runtime.
struct Release(Arc<HeldBack>);

impl ClientInner {
    /// Takes a message in. If it has something said to other servers, or may have, and that is more than they can take, the next one waits.
    pub(in crate::server) fn in_pace(&self, take: impl FnOnce()) {
        let Some(cluster) = self.io().cluster() else {
            return take();
        };
        let before = said::so_far();
        take();
        if said::so_far() != before {
            self.keep_pace(cluster);
        }
    }

    fn keep_pace(&self, cluster: &Arc<Cluster>) {
        if let Some(easing) = cluster.backpressure() {
            self.io().held_back().hold(self.client(), cluster, easing);
        }
    }
}

impl SocketIo {
    /// What goes on behalf of a client later may say something to other servers.
    pub(in crate::server) fn may_say_more(&self) {
        if self.cluster().is_some() {
            said::note();
        }
    }
}

impl HeldBack {
    fn hold(self: &Arc<Self>, client: Client, cluster: &Arc<Cluster>, easing: Easing) {
        let easing = foreign::run(easing);
        client.pressed();
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.push(client);
        let is_first = held.len() == 1;
        drop(held);
        if is_first {
            let release = Release(self.clone());
            // That of the client's task, which is driven at this moment: nobody may drive the one in which the server was built.
            let runtime = Handle::try_current().unwrap_or_else(|_| cluster.runtime().clone());
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
        let clients = std::mem::take(&mut *held);
        drop(held);
        for client in &clients {
            foreign::step(|| client.eased());
        }
    }
}
