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
    /// Some servers did not answer in time, or, which is known at once, could not be asked, or not be heard any more because this one
    /// closes. The error names them and keeps the sockets of the others.
    #[doc(alias = "fetchSockets")]
    pub async fn fetch_sockets(&self) -> Result<Vec<RemoteSocket>, Incomplete<Vec<RemoteSocket>>> {
        let Some(children) = self.of_children() else {
            return self.fetch_own().await;
        };
        as_one(join_all(children.map(async |child: Self| child.fetch_own().await)).await)
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

/// What has been found in several namespaces.
fn as_one<T>(found: Vec<Result<Vec<T>, Incomplete<Vec<T>>>>) -> Result<Vec<T>, Incomplete<Vec<T>>> {
    let (mut all, mut silent) = (Vec::new(), None);
    for found in found {
        match found {
            Ok(whole) => all.extend(whole),
            Err(incomplete) => {
                let (received, missing, error) = incomplete.into_parts();
                all.extend(received);
                let (servers, why) = silent.get_or_insert_with(|| (Missing::default(), None));
                servers.add(&missing);
                *why = error.or(why.take());
            }
        }
    }
    match silent {
        None => Ok(all),
        Some((missing, error)) => Err(Incomplete::new(all, missing).with_error(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_whole_in_one_namespace_is_not_whole_in_all() {
        let partly = |missing| Err(Incomplete::new(vec![2], missing));
        let silent = Missing {
            servers: vec!["a".into()],
            unnamed: 0,
        };
        // The time may be up though nobody is missing.
        for missing in [silent, Missing::default()] {
            let found = vec![Ok(vec![1]), partly(missing.clone()), Ok(vec![3])];
            let incomplete = as_one(found).unwrap_err();
            assert_eq!(incomplete.received, [1, 2, 3]);
            assert_eq!(incomplete.missing(), missing.servers);
        }
        assert_eq!(as_one(vec![Ok(vec![1]), Ok(vec![2])]).unwrap(), [1, 2]);
    }
}
