//! Who is there, on all servers.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::{
    SocketId,
    adapter::{Incomplete, Missing, REQUEST_TIMEOUT},
    server::{
        Broadcast,
        cluster::{RemoteSocket, questions, remote_socket::Seen, snapshot},
    },
};

impl Broadcast {
    /// The selected sockets of all servers, as they are now. JS `fetchSockets`.
    ///
    /// Other servers have five seconds to answer, or the time set with [`timeout`](Self::timeout). However many ask who is in the same rooms at
    /// the same time, the other servers are asked once, after all of these have asked. Of different questions in one namespace sixteen are under
    /// way, and the others wait for their turn: until those have been answered, or for a tenth of a second, and for no longer than a second in
    /// all, or half of the time that they have.
    ///
    /// ```
    /// # async fn list(io: axum_socketio::SocketIo) {
    /// let sockets = io.of("/").to("hall").fetch_sockets().await;
    /// // Whoever is there, be it without those of a server that is silent.
    /// for socket in sockets.unwrap_or_else(|incomplete| incomplete.received) {
    ///     println!("{} is in {:?}", socket.id(), socket.rooms());
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Some servers did not answer in time, or, which is known at once, could not be asked. The error names them and keeps the
    /// sockets of the others.
    #[doc(alias = "fetchSockets")]
    pub async fn fetch_sockets(&self) -> Result<Vec<RemoteSocket>, Incomplete<Vec<RemoteSocket>>> {
        let Some(children) = self.of_children() else {
            return self.fetch_own().await;
        };
        let fetched = join_all(children.map(async |child: Self| child.fetch_own().await)).await;
        let (mut sockets, mut missing, mut unasked) = (Vec::new(), Missing::default(), None);
        for fetched in fetched {
            match fetched {
                Ok(own) => sockets.extend(own),
                Err(incomplete) => {
                    let (received, silent, error) = incomplete.into_parts();
                    missing.add(&silent);
                    sockets.extend(received);
                    unasked = error.or(unasked);
                }
            }
        }
        if missing.count() == 0 && unasked.is_none() {
            Ok(sockets)
        } else {
            Err(Incomplete::new(sockets, missing).with_error(unasked))
        }
    }

    async fn fetch_own(&self) -> Result<Vec<RemoteSocket>, Incomplete<Vec<RemoteSocket>>> {
        let (Some(cluster), Some(options)) = (self.cluster(), self.options()) else {
            return Ok(self.remote(self.fetch_here().await));
        };
        let limit = self.flags.timeout.unwrap_or(REQUEST_TIMEOUT);
        let found = questions::ask(&self.namespace, cluster, options.into(), limit).await;
        let sockets = match found.sockets {
            Some(sockets) => self.but_for_its_own(sockets),
            // There are no others, they could not be asked, or it is not its turn yet.
            None => self.fetch_here().await,
        };
        let sockets = self.remote(sockets);
        if found.is_complete {
            Ok(sockets)
        } else {
            Err(Incomplete::new(sockets, found.missing).with_error(found.error))
        }
    }

    async fn fetch_here(&self) -> Vec<Arc<Seen>> {
        snapshot::all(self.sockets(), Seen::here).await
    }

    /// Those who ask the same share what comes of it: the socket that one of them leaves out is there for the others.
    fn but_for_its_own(&self, mut seen: Vec<Arc<Seen>>) -> Vec<Arc<Seen>> {
        seen.retain(|seen| !seen.is_left_out_of(&self.target));
        seen
    }

    fn remote(&self, seen: Vec<Arc<Seen>>) -> Vec<RemoteSocket> {
        let remote = |seen| RemoteSocket::new(seen, self.namespace.clone());
        seen.into_iter().map(remote).collect()
    }

    /// The ids of the selected sockets of all servers. JS `namespace.clients(callback)`.
    ///
    /// # Errors
    ///
    /// As [`fetch_sockets`](Self::fetch_sockets).
    pub async fn clients(&self) -> Result<Vec<SocketId>, Incomplete<Vec<SocketId>>> {
        let ids = |sockets: Vec<RemoteSocket>| sockets.iter().map(|socket| socket.id().clone()).collect();
        match self.fetch_sockets().await {
            Ok(sockets) => Ok(ids(sockets)),
            Err(incomplete) => Err(incomplete.map(ids)),
        }
    }
}
