//! What a server that has closed asks, and who still waits for others then.

use std::{
    error::Error,
    future::ready,
    pin::pin,
    slice::from_ref,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum_socketio::{
    ServerEvent, ServerId, SocketIo,
    ack::AckError,
    adapter::{Adapter, AdapterError, Bus, Closing, Counting, Destination, Easing, Envelope, Incoming},
    extract::Data,
};
use futures::{FutureExt, StreamExt};
use tokio::sync::{Notify, mpsc};

use crate::{
    contract::Nodes,
    on,
    questions::{knows, server},
    wire::{Eio, TestClient, TestServer, Via, within},
};

/// A place on a bus, which says how many servers there are where it is to.
#[derive(Clone, Debug)]
struct Logged {
    place: Arc<dyn Adapter>,
    counts: Option<usize>,
    log: Arc<Mutex<Vec<String>>>,
    /// Nothing more comes from it.
    ends: Arc<Notify>,
}

impl Logged {
    fn on(bus: &Bus, counts: Option<usize>) -> Self {
        Self {
            place: Arc::new(bus.adapter()),
            counts,
            log: Arc::default(),
            ends: Arc::default(),
        }
    }

    fn log(&self, line: impl Into<String>) {
        self.log.lock().unwrap().push(line.into());
    }
}

impl Adapter for Logged {
    fn join(&self, me: &ServerId) -> Incoming {
        let end = self.ends.clone().notified_owned();
        self.place.join(me).take_until(end).boxed()
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
        let servers = self.counts?;
        Some(Box::pin(ready(Ok(servers))))
    }

    fn backpressure(&self) -> Option<Easing> {
        self.log("pressure");
        None
    }
}

#[tokio::test]
async fn a_back_end_is_asked_for_nothing_when_it_has_been_closed() {
    for counts in [None, Some(2)] {
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

/// The clients of a server whose back end has ended are still there.
#[tokio::test]
async fn a_back_end_that_has_been_closed_is_not_asked_whether_others_are_behind() {
    let back_end = Logged::on(&Bus::new(), None);
    let io = server(back_end.clone());
    let (say, mut said) = mpsc::unbounded_channel();
    io.of("/").on("say", async move |Data(number): Data<u32>| {
        say.send(number).unwrap()
    });
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let last = || back_end.log.lock().unwrap().last().cloned();
    back_end.ends.notify_one();
    within(async {
        while last().as_deref() != Some("close") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for number in 0..3 {
        client.send(format!(r#"42["say",{number}]"#)).await;
        assert_eq!(within(said.recv()).await, Some(number));
    }
    // A message is known to have been taken in when the next one has been.
    assert_eq!(last().as_deref(), Some("close"));
}

const LEFT: &str = "the server has left the cluster";

/// Three servers, of which all but the first answer its event, and what tells that all that they say has come.
async fn asks(bus: &Bus, counts: bool) -> ([(SocketIo, Logged); 3], mpsc::UnboundedReceiver<()>) {
    let servers = [(); 3].map(|()| {
        let back_end = Logged::on(bus, counts.then_some(3));
        (server(back_end.clone()), back_end)
    });
    for (io, _) in &servers {
        knows(io, 3).await;
        let namespace = io.of("/");
        let _ = io.of("/").on_server_event("ask", move |event: ServerEvent| {
            event.ack(7).unwrap();
            namespace.server_side_emit("answered", ());
            async {}
        });
    }
    let (hears, heard) = mpsc::unbounded_channel();
    let _ = servers[0].0.of("/").on_server_event("answered", move |_| {
        hears.send(()).unwrap();
        async {}
    });
    (servers, heard)
}

/// He has what has come by then, and can't take it for all there is.
#[tokio::test(start_paused = true)]
async fn who_waits_for_others_as_the_server_closes_is_told_at_once_who_is_missing() {
    for (counts, closes) in [(false, true), (true, true), (false, false)] {
        let bus = Bus::new();
        let ([(here, back_end), (_there, _), (silent, _)], mut heard) = asks(&bus, counts).await;
        let main = here.of("/");
        let silent = silent.server_id().unwrap();
        bus.cut(silent);
        let mut fetched = pin!(main.fetch_sockets());
        let mut acknowledged = pin!(main.emit_with_ack::<u8>("ask", ()).collect_all());
        let mut answered = pin!(main.server_side_emit_with_ack::<u8>("ask", ()));
        assert!(fetched.as_mut().now_or_never().is_none());
        assert!(acknowledged.as_mut().now_or_never().is_none());
        assert!(answered.as_mut().now_or_never().is_none());
        heard.recv().await;
        if closes {
            here.close().await;
        } else {
            back_end.ends.notify_one();
        }
        let all = async { tokio::join!(fetched, answered, acknowledged) };
        let soon = tokio::time::timeout(Duration::from_millis(10), all).await;
        let (fetched, answered, acknowledged) = soon.expect("nobody will answer");
        // One that is counted has no name.
        let missing = if counts { &[] } else { from_ref(silent) };
        let fetched = fetched.unwrap_err();
        assert!(fetched.received.is_empty());
        assert_eq!((fetched.missing(), fetched.missing_count()), (missing, 1));
        assert_eq!(fetched.source().unwrap().to_string(), LEFT);
        let answered = answered.unwrap_err();
        assert_eq!(answered.received, [7]);
        assert_eq!((answered.missing(), answered.missing_count()), (missing, 1));
        assert_eq!(answered.source().unwrap().to_string(), LEFT);
        let acknowledged = acknowledged.unwrap_err();
        assert_eq!(acknowledged.missing_servers(), missing);
        let source = acknowledged.source().unwrap();
        let source = source.downcast_ref::<AckError>().unwrap();
        assert!(source.is_adapter() && !source.is_timeout());
        assert_eq!(source.source().unwrap().to_string(), LEFT);
        assert_eq!(main.server_count().await, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_been_answered_by_all_as_the_server_closes_is_told_of_nobody_missing() {
    for counts in [false, true] {
        let (servers, mut heard) = asks(&Bus::new(), counts).await;
        let (here, _) = &servers[0];
        let main = here.of("/");
        let mut fetched = pin!(main.fetch_sockets());
        let mut acknowledged = pin!(main.emit_with_ack::<u8>("ask", ()).collect_all());
        let mut answered = pin!(main.server_side_emit_with_ack::<u8>("ask", ()));
        assert!(fetched.as_mut().now_or_never().is_none());
        assert!(acknowledged.as_mut().now_or_never().is_none());
        assert!(answered.as_mut().now_or_never().is_none());
        for _ in 1..servers.len() {
            heard.recv().await;
        }
        here.close().await;
        assert!(fetched.await.unwrap().is_empty());
        assert_eq!(answered.await.unwrap(), [7, 7]);
        assert!(acknowledged.await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn who_waits_for_others_as_the_server_closes_keeps_what_has_come() {
    let bus = Bus::new();
    let nodes = Nodes::joined(3, &on(bus.clone())).await;
    let (mut client, socket) = nodes.client(1, &[]).await;
    let silent = nodes.io(2).server_id().unwrap();
    bus.cut(silent);
    let main = nodes.io(0).of("/");
    let mut fetched = pin!(main.fetch_sockets());
    assert!(fetched.as_mut().now_or_never().is_none());
    let mut acknowledged = main.emit_with_ack::<u8>("ask", ());
    client.expect(r#"420["ask"]"#).await;
    client.send("430[7]").await;
    // What the same server has said before has come too.
    let first = within(acknowledged.next()).await.unwrap();
    assert_eq!(first.unwrap(), (socket.id().clone(), 7));
    nodes.io(0).close().await;
    let fetched = within(fetched).await.unwrap_err();
    assert_eq!(fetched.received[0].id(), socket.id());
    assert_eq!(fetched.missing(), from_ref(silent));
    let last = within(acknowledged.next()).await.unwrap();
    assert!(last.unwrap_err().is_adapter());
    assert!(within(acknowledged.next()).await.is_none());
    assert_eq!(acknowledged.missing_servers(), from_ref(silent));
}
