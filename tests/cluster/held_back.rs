//! Clients of a server that says more to the others than those can take.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use axum_socketio::{
    ServerId, Socket, SocketIo,
    adapter::{Adapter, AdapterError, Bus, Closing, Destination, Easing, Envelope, Incoming, Message},
    extract::Data,
};
use futures::{FutureExt, StreamExt, stream};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{
    contract::Nodes,
    on,
    wire::{Eio, TestClient, TestServer, Via, within},
};

/// A back end whose pressure is in the hand of the test.
#[derive(Clone, Debug, Default)]
struct Pressed {
    on: watch::Sender<bool>,
    panics: Arc<AtomicBool>,
}

impl Adapter for Pressed {
    fn join(&self, _: &ServerId) -> Incoming {
        stream::pending().boxed()
    }

    fn publish(&self, _: Destination<'_>, _: &Envelope) -> Result<(), AdapterError> {
        Ok(())
    }

    fn close(&self) -> Closing<'_> {
        Box::pin(async {})
    }

    fn backpressure(&self) -> Option<Easing> {
        assert!(!self.panics.load(Ordering::Relaxed), "a test panics on purpose");
        let mut on = self.on.subscribe();
        let is_on = *on.borrow();
        let eases = async move { drop(on.wait_for(|on| !on).await) };
        is_on.then(|| eases.boxed())
    }
}

/// A server with this back end, and what its clients have said. It says that to other servers too.
fn listening(pressed: &Pressed) -> (SocketIo, mpsc::UnboundedReceiver<u32>) {
    let io = SocketIo::builder().adapter(pressed.clone()).build().unwrap();
    let (say, said) = mpsc::unbounded_channel();
    io.of("/")
        .on("say", async move |socket: Socket, Data(number): Data<u32>| {
            socket.to("room").emit("said", number);
            say.send(number).unwrap();
        });
    (io, said)
}

fn say(number: u32) -> String {
    format!(r#"42["say",{number}]"#)
}

#[tokio::test]
async fn one_message_is_taken_from_each_client_while_other_servers_are_behind() {
    for (eio, via) in TestClient::EVERY_WAY {
        let pressed = Pressed::default();
        let (io, mut said) = listening(&pressed);
        let server = TestServer::start(&io).await;
        let mut talker = TestClient::connect(&server, eio, via).await;
        let mut other = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
        pressed.on.send_replace(true);
        let talks = talker.send_all((1..=50).map(say));
        let waits = async {
            assert_eq!(said.recv().await, Some(1));
            other.send(say(100)).await;
            assert_eq!(said.recv().await, Some(100));
            assert_eq!(said.try_recv().ok(), None, "{eio:?} {via:?}");
            pressed.on.send_replace(false);
            for number in 2..=50 {
                assert_eq!(said.recv().await, Some(number));
            }
        };
        within(async { tokio::join!(talks, waits) }).await;
        other.send(say(101)).await;
        assert_eq!(within(said.recv()).await, Some(101));
    }
}

#[tokio::test]
async fn a_back_end_that_panics_over_its_pressure_slows_nobody() {
    let pressed = Pressed::default();
    pressed.panics.store(true, Ordering::Relaxed);
    let (io, mut said) = listening(&pressed);
    let server = TestServer::start(&io).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    io.on_adapter_error(move |error| drop(tell.send(error.to_string())));
    let mut talker = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    talker.send_all((1..=3).map(say)).await;
    for number in 1..=3 {
        assert_eq!(within(said.recv()).await, Some(number));
    }
    assert_eq!(told.try_recv().as_deref(), Ok("the adapter panicked"));
}

/// The connections of a server may live in several, and each lets go its own.
#[tokio::test]
async fn who_waits_is_let_go_when_the_runtime_of_another_client_ends() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let pressed = Pressed::default();
    let (io, mut said) = listening(&pressed);
    let there = io.clone();
    let there = runtime.spawn(async move { TestServer::start(&there).await });
    let (there, here) = (there.await.unwrap(), TestServer::start(&io).await);
    let mut first = TestClient::connect(&there, Eio::V4, Via::WebSocket).await;
    let mut second = TestClient::connect(&here, Eio::V4, Via::WebSocket).await;
    pressed.on.send_replace(true);
    first.send(say(1)).await;
    assert_eq!(within(said.recv()).await, Some(1));
    second.send_all((2..=3).map(say)).await;
    assert_eq!(within(said.recv()).await, Some(2));
    runtime.shutdown_background();
    assert_eq!(within(said.recv()).await, Some(3));
}

#[test]
fn who_waits_is_let_go_though_nobody_drives_the_runtime_of_another_client_any_more() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let resting = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let pressed = Pressed::default();
    let (io, mut said) = runtime.block_on(async { listening(&pressed) });
    let here = runtime.block_on(TestServer::start(&io));
    let _clients = resting.block_on(async {
        let there = TestServer::start(&io).await;
        let mut first = TestClient::connect(&there, Eio::V4, Via::WebSocket).await;
        let mut second = TestClient::connect(&here, Eio::V4, Via::WebSocket).await;
        pressed.on.send_replace(true);
        first.send(say(1)).await;
        assert_eq!(within(said.recv()).await, Some(1));
        second.send_all((2..=3).map(say)).await;
        assert_eq!(within(said.recv()).await, Some(2));
        (there, first, second)
    });
    assert_eq!(runtime.block_on(async { within(said.recv()).await }), Some(3));
}

/// One that is there to build the server in hears no other servers, and holds up no client for it.
#[test]
fn who_waits_is_let_go_though_nobody_drives_the_runtime_in_which_the_server_was_built() {
    let pressed = Pressed::default();
    let at_rest = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (io, mut said) = at_rest.block_on(async { listening(&pressed) });
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let server = TestServer::start(&io).await;
        let mut talker = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
        pressed.on.send_replace(true);
        talker.send_all((1..=2).map(say)).await;
        assert_eq!(within(said.recv()).await, Some(1));
        pressed.on.send_replace(false);
        assert_eq!(within(said.recv()).await, Some(2));
    });
}

/// A pong of theirs, too, is among what isn't read meanwhile.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "how long it takes is the promise")]
async fn back_pressure_that_never_ends_lets_a_message_of_each_client_through_now_and_then() {
    let pressed = Pressed::default();
    let (io, mut said) = listening(&pressed);
    let server = TestServer::start(&io).await;
    let mut talker = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    pressed.on.send_replace(true);
    let start = Instant::now();
    talker.send_all((1..=3).map(say)).await;
    for number in 1..=3 {
        assert_eq!(within(said.recv()).await, Some(number));
    }
    assert!(start.elapsed().as_secs() >= 2);
}

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "the clock is paused")]
async fn a_server_that_does_nothing_is_not_waited_for_long() {
    let bus = Bus::new();
    let (near, far) = (bus.adapter(), bus.adapter());
    let (_, mut heard) = (near.join(&"near".into()), far.join(&"far".into()));
    let envelope = Envelope {
        sender: "near".into(),
        namespace: "/".into(),
        message: Message::Heartbeat,
    };
    let fill = || {
        for _ in 0..300 {
            near.publish(Destination::Everyone, &envelope).unwrap();
        }
    };
    assert!(near.backpressure().is_none());
    fill();
    // Those of all servers wait: it may be their questions that are answered.
    for server in [&near as &dyn Adapter, &far] {
        assert!(server.backpressure().is_some());
    }
    let start = Instant::now();
    near.backpressure().unwrap().await;
    assert_eq!(start.elapsed().as_millis(), 250);
    fill();
    assert!(near.backpressure().is_none());
    // It moves again, and is waited for as long as it moves.
    heard.next().await.unwrap().unwrap();
    let moved = Cell::new(false);
    // Who looks at another time doesn't take it for one that does nothing, either.
    let waits = async |server: &dyn Adapter, offset| {
        tokio::time::sleep(std::time::Duration::from_millis(offset)).await;
        server.backpressure().unwrap().await;
        assert!(moved.get(), "the one that looks {offset} ms later");
    };
    let moves = async {
        for _ in 0..20 {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            heard.next().await.unwrap().unwrap();
        }
        assert!(near.backpressure().is_some());
        moved.set(true);
        while near.backpressure().is_some() {
            heard.next().await.unwrap().unwrap();
        }
    };
    let ((), (), ()) = tokio::join!(waits(&near, 0), waits(&far, 130), moves);
    // Nor is who has left.
    fill();
    assert!(near.backpressure().is_some());
    far.close().await;
    assert!(near.backpressure().is_none());
}

/// What one says is late by what the servers do meanwhile, not by what others have said in all.
#[tokio::test]
async fn a_flood_of_some_clients_makes_others_late_by_no_more_than_the_servers_can_hold() {
    const FLOOD: usize = 4_000;
    const CLIENTS: usize = 8;
    let nodes = Nodes::joined(2, &on(Bus::new())).await;
    let handled = Arc::new(AtomicUsize::new(0));
    let counted = handled.clone();
    nodes.io(0).of("/").on("flood", async move |socket: Socket| {
        counted.fetch_add(1, Ordering::Relaxed);
        socket.to("nobody").emit("flood", ());
    });
    let counted = handled.clone();
    nodes.io(0).of("/").on("look", async move |socket: Socket| {
        socket.to("there").emit("seen", counted.load(Ordering::Relaxed));
    });
    let (mut watcher, _) = nodes.client(1, &["there"]).await;
    let (mut looker, _) = nodes.client(0, &[]).await;
    let mut floods = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (mut flooder, _) = nodes.client(0, &[]).await;
        floods.spawn(async move {
            for _ in 0..FLOOD / 100 {
                flooder.send_all([r#"42["flood"]"#; 100]).await;
            }
            flooder
        });
    }
    let mut latest = 0;
    while handled.load(Ordering::Relaxed) < CLIENTS * FLOOD {
        looker.send(r#"42["look"]"#).await;
        let seen = loop {
            match within(watcher.text()).await {
                ping if ping == "2" => watcher.send("3").await,
                seen => break seen,
            }
        };
        let seen = seen.strip_prefix(r#"42["seen","#).unwrap().trim_end_matches(']');
        let seen: usize = seen.parse().unwrap();
        latest = latest.max(handled.load(Ordering::Relaxed) - seen);
    }
    drop(floods.join_all().await);
    assert!(latest < 2_000, "{latest} events of others came first");
}
