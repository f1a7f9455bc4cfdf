//! Who waits for other servers is woken without a lock: nobody knows what a waker of an executor of one's own does.

use std::{
    pin::pin,
    sync::{Arc, mpsc},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use axum_socketio::{
    SocketIo,
    adapter::{Bus, Message},
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::{contract::Nodes, on};

/// Uses the server when it wakes, and says whether there was an answer.
struct Curious {
    io: SocketIo,
    told: UnboundedSender<bool>,
}

impl Wake for Curious {
    fn wake(self: Arc<Self>) {
        let (io, (answer, answered)) = (self.io.clone(), mpsc::channel());
        // Another thread asks: a lock that is held makes the test fail then, and not hang.
        std::thread::spawn(move || {
            io.of("/").emit("woken", ());
            answer.send(())
        });
        let answered = answered.recv_timeout(Duration::from_secs(5)).is_ok();
        let _ = self.told.send(answered);
    }
}

/// Waits for the future, as an executor does that runs what it is woken for at once.
async fn with_curious_waker<F: Future>(io: &SocketIo, future: F) -> F::Output {
    let (told, mut heard) = unbounded_channel();
    let io = io.clone();
    let waker = Waker::from(Arc::new(Curious { io, told }));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        assert!(heard.recv().await.unwrap(), "woken under a lock");
    }
}

#[tokio::test]
async fn who_waits_for_other_servers_is_woken_without_a_lock() {
    let bus = Bus::new();
    let nodes = Nodes::joined(2, &on(bus.clone())).await;
    let _client = nodes.client(1, &[]).await;
    let main = nodes.io(0).of("/");
    // By an answer.
    let sockets = with_curious_waker(nodes.io(0), main.fetch_sockets()).await;
    assert_eq!(sockets.unwrap().len(), 1);
    // By a good-bye: there is nobody to answer any more.
    bus.drop_if(|envelope| matches!(envelope.message, Message::Fetched { .. }));
    let asked = with_curious_waker(nodes.io(0), main.fetch_sockets());
    let (sockets, ()) = tokio::join!(asked, nodes.io(1).close());
    assert_eq!(sockets.unwrap().len(), 0);
}
