//! Clients that are not read because other servers are behind with what was said before.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, time::timeout};

use crate::{
    adapter::Easing,
    server::client::{Client, ClientInner},
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
    /// A message was taken in. The next one waits, if what this one may have said to other servers is more than they can take.
    pub(in crate::server) fn keep_pace(&self) {
        let Some(cluster) = self.io().cluster() else {
            return;
        };
        if let Some(easing) = cluster.backpressure() {
            self.io()
                .held_back()
                .hold(self.client(), cluster.runtime(), easing);
        }
    }
}

impl HeldBack {
    fn hold(self: &Arc<Self>, client: Client, runtime: &Handle, easing: Easing) {
        client.pressed();
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.push(client);
        let is_first = held.len() == 1;
        drop(held);
        if is_first {
            let release = Release(self.clone());
            runtime.spawn(async move {
                // In any case.
                let _ = timeout(LONGEST, easing).await;
                drop(release);
            });
        }
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        let mut held = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = std::mem::take(&mut *held);
        drop(held);
        clients.iter().for_each(Client::eased);
    }
}
