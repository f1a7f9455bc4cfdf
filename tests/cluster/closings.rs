//! What a server that has closed asks, and who still waits for others then.

use std::{
    future::ready,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum_socketio::{
    ServerId, SocketIo,
    adapter::{Adapter, AdapterError, Bus, Closing, Counting, Destination, Envelope, Incoming},
};
use futures::FutureExt;

use crate::wire::{Eio, TestClient, TestServer, Via, within};

/// A place on a bus of two servers, which says how many there are where it is to.
#[derive(Clone, Debug)]
struct Logged {
    place: Arc<dyn Adapter>,
    counts: bool,
    log: Arc<Mutex<Vec<String>>>,
}

impl Logged {
    fn on(bus: &Bus, counts: bool) -> Self {
        let (place, log) = (Arc::new(bus.adapter()), Arc::default());
        Self { place, counts, log }
    }

    fn log(&self, line: impl Into<String>) {
        self.log.lock().unwrap().push(line.into());
    }
}

impl Adapter for Logged {
    fn join(&self, me: &ServerId) -> Incoming {
        self.place.join(me)
    }

    fn open(&self, namespace: &str) {
        self.log(format!("open {namespace}"));
    }

    fn leave(&self, namespace: &str) {
        self.log(format!("leave {namespace}"));
    }

    fn publish(&self, to: Destination<'_>, envelope: &Envelope) -> Result<(), AdapterError> {
        self.place.publish(to, envelope)
    }

    fn close(&self) -> Closing<'_> {
        self.log("close");
        self.place.close()
    }

    fn count_servers(&self, namespace: &str) -> Option<Counting<'_>> {
        self.log(format!("count {namespace}"));
        self.counts.then(|| Box::pin(ready(Ok(2_usize))) as Counting<'_>)
    }
}

fn server(adapter: impl Adapter) -> SocketIo {
    SocketIo::builder().adapter(adapter).build().unwrap()
}

#[tokio::test]
async fn a_back_end_is_asked_for_nothing_when_it_has_been_closed() {
    for counts in [false, true] {
        let back_end = Logged::on(&Bus::new(), counts);
        let io = server(back_end.clone());
        let main = io.of("/");
        let _parent = io.of_matching(|name| name == "/child");
        let server = TestServer::start(&io).await;
        let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
        client.join("/child").await;
        let child = io.get("/child").unwrap();
        io.close().await;
        let late = io.of("/late");
        assert_eq!(main.server_count().await, 1);
        assert_eq!(late.server_count().await, 1);
        drop(child);
        within(async {
            while io.get("/child").is_some() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(back_end.log.lock().unwrap().last().unwrap(), "close");
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_others_as_the_server_closes_waits_no_longer() {
    for counts in [false, true] {
        let bus = Bus::new();
        let (here, silent) = (server(Logged::on(&bus, counts)), server(bus.adapter()));
        let main = here.of("/");
        while main.server_count().await != 2 {
            tokio::task::yield_now().await;
        }
        bus.cut(silent.server_id().unwrap());
        let mut fetched = pin!(main.fetch_sockets());
        let mut answered = pin!(main.server_side_emit_with_ack::<u8>("ask", ()));
        let mut acknowledged = pin!(main.emit_with_ack::<u8>("ask", ()).collect_all());
        assert!(fetched.as_mut().now_or_never().is_none());
        assert!(answered.as_mut().now_or_never().is_none());
        assert!(acknowledged.as_mut().now_or_never().is_none());
        here.close().await;
        let all = async { tokio::join!(fetched, answered, acknowledged) };
        let soon = tokio::time::timeout(Duration::from_millis(10), all).await;
        let (fetched, answered, acknowledged) = soon.expect("nobody will answer");
        assert!(fetched.unwrap().is_empty());
        assert!(answered.unwrap().is_empty());
        assert!(acknowledged.unwrap().is_empty());
        assert_eq!(main.server_count().await, 1);
    }
}
