//! A network that can swallow everything, so that neither end notices: what a cable that is pulled, a phone in a tunnel and a firewall that
//! forgets look like to a server.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::watch,
    task::JoinSet,
};

/// Forwards to a server, until it is cut. Its tasks are in a runtime of its own, where nobody counts them.
pub(crate) struct Network {
    pub(crate) addr: SocketAddr,
    cut: watch::Sender<bool>,
    runtime: Option<Runtime>,
}

impl Network {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        let (cut, is_cut) = watch::channel(false);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let mut wires = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                wires.spawn(wire(near, server, is_cut.clone()));
            }
        });
        Self {
            addr,
            cut,
            runtime: Some(runtime),
        }
    }

    /// From now on nothing arrives, no end is closed, and new connections lead nowhere.
    pub(crate) fn cut(&self) {
        self.cut.send(true).unwrap();
    }
}

async fn wire(mut near: TcpStream, server: SocketAddr, mut is_cut: watch::Receiver<bool>) {
    let forward = async {
        let mut far = TcpStream::connect(server).await.unwrap();
        // A connection that is reset is at its end, too.
        let _ = copy_bidirectional(&mut near, &mut far).await;
    };
    let swallow = async {
        // Whoever cuts it keeps it.
        let _ = is_cut.wait_for(|cut| *cut).await;
    };
    tokio::pin!(forward);
    tokio::select! {
        () = &mut forward => {}
        // Both streams are kept in the other future.
        () = swallow => std::future::pending().await,
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::ZERO);
        }
    }
}
