//! Who waits for other servers is woken without a lock: nobody knows what a waker of an executor of one's own does.

use std::{
    pin::pin,
    sync::{Arc, mpsc},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use axum_socketio::adapter::{Adapter as _, Bus, Destination, Envelope, Message};
use futures::StreamExt as _;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::{contract::Nodes, on};

/// Asks something when it wakes, and says whether there was an answer.
struct Curious {
    ask: Arc<dyn Fn() + Send + Sync>,
    told: UnboundedSender<bool>,
}

impl Wake for Curious {
    fn wake(self: Arc<Self>) {
        let (ask, (answer, answered)) = (self.ask.clone(), mpsc::channel());
        // Another thread asks: a lock that is held makes the test fail then, and not hang.
        std::thread::spawn(move || {
            ask();
            answer.send(())
        });
        let answered = answered.recv_timeout(Duration::from_secs(5)).is_ok();
        let _ = self.told.send(answered);
    }
}

/// Waits for the future, as an executor does that runs what it is woken for at once.
async fn with_curious_waker<F: Future>(ask: impl Fn() + Send + Sync + 'static, future: F) -> F::Output {
    let (told, mut heard) = unbounded_channel();
    let ask = Arc::new(ask);
    let waker = Waker::from(Arc::new(Curious { ask, told }));
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
    let client = nodes.client(1, &[]).await;
    let main = nodes.io(0).of("/");
    // By an answer.
    let io = nodes.io(0).clone();
    let ask = move || io.of("/").emit("woken", ());
    let sockets = with_curious_waker(ask.clone(), main.fetch_sockets()).await;
    assert_eq!(sockets.unwrap().len(), 1);
    // By a good-bye: there is nobody to answer any more. It would wait for a client that doesn't read.
    drop(client);
    bus.drop_if(|envelope| matches!(envelope.message, Message::Fetched { .. }));
    let asked = with_curious_waker(ask, main.fetch_sockets());
    let (sockets, ()) = tokio::join!(asked, nodes.io(1).close());
    assert_eq!(sockets.unwrap().len(), 0);
}

/// Back ends of an application's own may be made of it, and be asked by other executors than tokio's.
#[tokio::test]
async fn who_listens_to_a_bus_is_woken_without_its_lock() {
    let bus = Bus::new();
    let (near, far) = (bus.adapter(), bus.adapter());
    let (mut heard, _) = (near.join(&"near".into()), far.join(&"far".into()));
    let ask = move || drop(bus.servers());
    let envelope = Envelope {
        sender: "far".into(),
        namespace: "/".into(),
        message: Message::Heartbeat,
    };
    // By what is said.
    let said = async { far.publish(Destination::Everyone, &envelope) };
    let (first, said) = tokio::join!(with_curious_waker(ask.clone(), heard.next()), said);
    assert_eq!(first.unwrap().unwrap(), envelope);
    said.unwrap();
    // By the end.
    let (last, ()) = tokio::join!(with_curious_waker(ask, heard.next()), near.close());
    assert!(last.is_none());
}
