//! Who is there, on all servers.

use futures_util::future::join_all;

use crate::{
    SocketId,
    adapter::{Answer, Incomplete, Message, Missing, REQUEST_TIMEOUT},
    server::{
        Broadcast,
        cluster::{RemoteSocket, collect, remote_socket::Seen, snapshot},
    },
};

impl Broadcast {
    /// The selected sockets of all servers, as they are now. JS `fetchSockets`.
    ///
    /// Other servers have five seconds to answer, or the time set with [`timeout`](Self::timeout).
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
        let remote = |snapshot| RemoteSocket::new(Seen::new(snapshot), self.namespace.clone());
        let mut sockets: Vec<_> = self.sockets().iter().map(snapshot::of).map(remote).collect();
        let (Some(cluster), Some(options)) = (self.cluster(), self.options()) else {
            return Ok(sockets);
        };
        let mut waiting = cluster.begin(self.namespace.name());
        let request = waiting.id();
        let asked = cluster.ask(self.namespace.name(), Message::Fetch { options, request });
        if let Err(error) = asked {
            return Err(Incomplete::new(sockets, waiting.missing()).with_error(Some(error)));
        }
        let timeout = self.flags.timeout.unwrap_or(REQUEST_TIMEOUT);
        let all = collect(&mut waiting, timeout, |answer| {
            if let Answer::Sockets(snapshots) = answer {
                sockets.extend(snapshots.into_iter().map(remote));
            }
        });
        if all.await {
            Ok(sockets)
        } else {
            Err(Incomplete::new(sockets, waiting.missing()))
        }
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
