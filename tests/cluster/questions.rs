//! Many who ask who is there.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use axum_socketio::{
    Broadcast, Builder, ServerId, SocketIo,
    adapter::{Adapter, AdapterError, Bus, Closing, Destination, Envelope, Incoming, Message, Options},
};
use futures::{FutureExt, StreamExt, future::join_all};
use tokio::sync::mpsc;

use crate::{
    contract::Nodes,
    wire::{Eio, TestClient, TestServer, Via, within},
};

/// A bus that counts what is asked and answered.
#[derive(Clone, Debug)]
pub(crate) struct Counting {
    bus: Arc<dyn Adapter>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) asked: AtomicUsize,
    answered: AtomicUsize,
    /// Answers that have come to whoever asked.
    heard: AtomicUsize,
    /// Questions that nobody has answered.
    open: AtomicUsize,
    most_open: AtomicUsize,
}

impl Adapter for Counting {
    fn join(&self, me: &ServerId) -> Incoming {
        let counts = self.counts.clone();
        let words = self.bus.join(me).inspect(move |heard| {
            if heard.as_ref().is_ok_and(is_answer) {
                counts.heard.fetch_add(1, Ordering::SeqCst);
            }
        });
        words.boxed()
    }

    fn publish(&self, to: Destination<'_>, envelope: &Envelope) -> Result<(), AdapterError> {
        let counts = &self.counts;
        match &envelope.message {
            Message::Fetch { .. } => {
                counts.asked.fetch_add(1, Ordering::SeqCst);
                let open = counts.open.fetch_add(1, Ordering::SeqCst) + 1;
                counts.most_open.fetch_max(open, Ordering::SeqCst);
            }
            Message::Fetched { .. } => {
                counts.answered.fetch_add(1, Ordering::SeqCst);
                counts.open.fetch_sub(1, Ordering::SeqCst);
            }
            _ => {}
        }
        self.bus.publish(to, envelope)
    }

    fn close(&self) -> Closing<'_> {
        self.bus.close()
    }
}

const fn is_answer(envelope: &Envelope) -> bool {
    matches!(envelope.message, Message::Fetched { .. })
}

/// A place on the bus, and the counts of what all say that have it.
pub(crate) fn places(bus: &Bus) -> (impl Fn() -> Counting + use<>, Arc<Counts>) {
    let counts = Arc::<Counts>::default();
    let (counted, bus) = (counts.clone(), bus.clone());
    let place = move || Counting {
        bus: Arc::new(bus.adapter()),
        counts: counted.clone(),
    };
    (place, counts)
}

/// Two servers, and the counts of what both say.
async fn counting(bus: &Bus) -> (Nodes, Arc<Counts>) {
    let (place, counts) = places(bus);
    let back_end = move |builder: Builder| builder.adapter(place());
    (Nodes::joined(2, &back_end).await, counts)
}

pub(crate) fn server(adapter: impl Adapter) -> SocketIo {
    SocketIo::builder().adapter(adapter).build().unwrap()
}

pub(crate) async fn knows(io: &SocketIo, servers: usize) {
    while io.of("/").server_count().await != servers {
        tokio::task::yield_now().await;
    }
}

/// Lets others have their turn until it is so.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_asks_the_same_meanwhile_shares_one_question() {
    let bus = Bus::new();
    let (nodes, counts) = counting(&bus).await;
    let (_there, there) = nodes.client(1, &["room"]).await;
    let main = nodes.io(0).of("/");
    let room = main.to("room");
    let all = join_all((0..500).map(|_| room.fetch_sockets()));
    for sockets in within(all).await {
        assert_eq!(sockets.unwrap()[0].id(), there.id());
    }
    assert_eq!(counts.asked.load(Ordering::SeqCst), 2);
}

/// The one under way is not theirs: they would hear of a moment before they asked.
#[tokio::test]
async fn no_answer_describes_a_moment_before_the_question() {
    let bus = Bus::new();
    let (nodes, counts) = counting(&bus).await;
    let main = nodes.io(0).of("/");
    let (mut early, mut late) = (pin!(main.fetch_sockets()), pin!(main.fetch_sockets()));
    assert!(early.as_mut().now_or_never().is_none());
    // The answer is on its way when somebody comes.
    bus.hold();
    within(async {
        while counts.answered.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let (_there, there) = nodes.client(1, &[]).await;
    assert!(late.as_mut().now_or_never().is_none());
    bus.release();
    assert!(within(early).await.unwrap().is_empty());
    let late = within(late).await.unwrap();
    assert_eq!(late[0].id(), there.id());
    assert_eq!(counts.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn few_different_questions_are_under_way_at_once_and_all_are_answered() {
    let bus = Bus::new();
    let (nodes, counts) = counting(&bus).await;
    let (_there, there) = nodes.client(1, &[]).await;
    let main = nodes.io(0).of("/");
    let asked: Vec<_> = (0..500)
        .map(|number| main.except(format!("room {number}")))
        .collect();
    let all = join_all(asked.iter().map(Broadcast::fetch_sockets));
    for sockets in within(all).await {
        assert_eq!(sockets.unwrap()[0].id(), there.id());
    }
    assert_eq!(counts.asked.load(Ordering::SeqCst), 500);
    assert!(counts.most_open.load(Ordering::SeqCst) <= 16);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_does_not_keep_later_questions_from_the_others() {
    let bus = Bus::new();
    let servers: Vec<_> = (0..3)
        .map(|_| SocketIo::builder().adapter(bus.adapter()).build().unwrap())
        .collect();
    for io in &servers {
        while io.of("/").server_count().await != 3 {
            tokio::task::yield_now().await;
        }
    }
    let silent = servers[2].server_id().unwrap().clone();
    bus.cut(&silent);
    let asked = Arc::new(AtomicUsize::new(0));
    let heard = asked.clone();
    bus.drop_if(move |envelope| {
        heard.fetch_add(
            usize::from(matches!(envelope.message, Message::Fetched { .. })),
            Ordering::SeqCst,
        );
        false
    });
    let main = servers[0].of("/");
    let mut patient = pin!(main.fetch_sockets());
    assert!(patient.as_mut().now_or_never().is_none());
    let hasty = main.timeout(Duration::from_millis(500));
    let mut hasty = pin!(hasty.fetch_sockets());
    // Who waits for longer than this asks in any case.
    let soon = tokio::time::timeout(Duration::from_millis(200), hasty.as_mut());
    assert!(soon.await.is_err());
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let incomplete = hasty.await.unwrap_err();
    assert_eq!(incomplete.missing(), std::slice::from_ref(&silent));
    let incomplete = patient.await.unwrap_err();
    assert_eq!(incomplete.missing(), [silent]);
}

/// A client may ask as much as it likes.
#[tokio::test(start_paused = true)]
async fn no_question_waits_long_for_its_turn_however_many_one_client_asks() {
    let bus = Bus::new();
    let (place, counts) = places(&bus);
    let servers: Vec<_> = (0..3).map(|_| server(place())).collect();
    for io in &servers {
        knows(io, 3).await;
    }
    bus.cut(servers[2].server_id().unwrap());
    let main = servers[0].of("/");
    let asked: Vec<_> = (0..1000)
        .map(|number| main.except(format!("room {number}")))
        .collect();
    let many = join_all(asked.iter().map(Broadcast::fetch_sockets));
    let room = main.to("room");
    let both = async { tokio::join!(many, room.fetch_sockets()) };
    let second = tokio::time::timeout(Duration::from_secs(1), both);
    assert!(second.await.is_err(), "one server is silent");
    assert_eq!(counts.asked.load(Ordering::SeqCst), 1001);
    assert_eq!(counts.answered.load(Ordering::SeqCst), 1001);
}

pub(crate) fn runtime(mut builder: tokio::runtime::Builder) -> tokio::runtime::Runtime {
    builder.enable_all().build().unwrap()
}

/// The answers come by the runtime in which the server was built, and nothing else is done there.
#[test]
fn who_asks_is_answered_though_nobody_drives_the_runtime_in_which_the_server_was_built() {
    let mut one_at_a_time = tokio::runtime::Builder::new_current_thread();
    one_at_a_time.event_interval(1);
    let (at_rest, driven) = (
        runtime(one_at_a_time),
        runtime(tokio::runtime::Builder::new_current_thread()),
    );
    let bus = Bus::new();
    let (place, counts) = places(&bus);
    let near = at_rest.block_on(async { server(place()) });
    let _far = driven.block_on(async { server(place()) });
    at_rest.block_on(async { within(knows(&near, 2)).await });
    let main = near.of("/");
    let mut fetched = pin!(main.fetch_sockets());
    driven.block_on(async {
        let asked = poll_fn(|cx| Poll::Ready(fetched.as_mut().poll(cx).is_pending()));
        assert!(asked.await);
        within(until(|| counts.answered.load(Ordering::SeqCst) == 1)).await;
    });
    at_rest.block_on(async { within(until(|| counts.heard.load(Ordering::SeqCst) == 1)).await });
    let fetched = driven.block_on(async { within(fetched).await });
    assert!(fetched.unwrap().is_empty());
}

/// Whoever shares it could wait for ever otherwise.
#[tokio::test]
async fn a_question_that_nobody_drives_keeps_nobody_from_asking() {
    let bus = Bus::new();
    let (nodes, counts) = counting(&bus).await;
    let (_there, there) = nodes.client(1, &[]).await;
    let main = nodes.io(0).of("/");
    let at_rest = runtime(tokio::runtime::Builder::new_current_thread());
    let asked: Vec<_> = (0..20)
        .map(|number| main.except(format!("room {number}")))
        .collect();
    let mut stuck = pin!(join_all(asked.iter().map(Broadcast::fetch_sockets)));
    {
        let _guard = at_rest.enter();
        assert!(stuck.as_mut().now_or_never().is_none());
    }
    let (same, other) = tokio::join!(asked[0].fetch_sockets(), main.fetch_sockets());
    at_rest.shutdown_background();
    for sockets in [same, other] {
        assert_eq!(sockets.unwrap()[0].id(), there.id());
    }
    assert_eq!(counts.asked.load(Ordering::SeqCst), 18);
}

#[tokio::test]
async fn who_is_alone_needs_no_time() {
    let io = SocketIo::builder().adapter(Bus::new().adapter()).build().unwrap();
    let main = io.of("/");
    let fetched = main.fetch_sockets().now_or_never();
    assert!(fetched.expect("at once").unwrap().is_empty());
}

/// Asks as a server of its own, which is in the hand of the test.
fn fetch(request: &str) -> Envelope {
    Envelope {
        sender: "asks".into(),
        namespace: "/".into(),
        message: Message::Fetch {
            options: Options::default(),
            request: request.into(),
        },
    }
}

/// Clients choose what is in it, and how many of them there are.
#[tokio::test]
async fn what_clients_connect_with_is_shown_to_all_who_ask_and_copied_for_none() {
    let auth = format!("40{{\"token\":[{}1]}}", "0,".repeat(480_000));
    let bus = Bus::new();
    let (nodes, _) = counting(&bus).await;
    let asks = bus.adapter();
    let mut heard = asks.join(&"asks".into());
    let server = TestServer::start(nodes.io(1)).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
        client.send(auth.clone()).await;
        client.text().await;
        clients.push(client);
    }
    // As values, those of two answers are more than a bus holds.
    for request in ["1", "2"] {
        let to = nodes.io(1).server_id().unwrap();
        asks.publish(Destination::One(to), &fetch(request)).unwrap();
    }
    let mut answers = Vec::new();
    within(async {
        while answers.len() < 2 {
            let heard = heard.next().await.unwrap().expect("nothing is lost");
            if let Message::Fetched { sockets, .. } = heard.message {
                answers.push(sockets);
            }
        }
    })
    .await;
    let handshake = answers[1][2].handshake.to_value();
    assert_eq!(handshake["auth"]["token"][480_000].as_u64(), Some(1));
    assert!(handshake["headers"].get("host").is_some());
}

#[tokio::test]
async fn a_server_hears_others_while_it_shows_its_sockets() {
    let bus = Bus::new();
    let (nodes, counts) = counting(&bus).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(nodes.client(1, &[]).await);
    }
    let (say, mut said) = mpsc::unbounded_channel();
    let answered = counts.clone();
    nodes.io(1).of("/").on_server_event("news", move |_| {
        say.send(answered.answered.load(Ordering::SeqCst)).unwrap();
        async {}
    });
    let main = nodes.io(0).of("/");
    let mut fetched = pin!(main.fetch_sockets());
    assert!(fetched.as_mut().now_or_never().is_none());
    main.server_side_emit("news", ());
    assert_eq!(within(said.recv()).await, Some(0));
    assert_eq!(within(fetched).await.unwrap().len(), 20);
    assert_eq!(counts.answered.load(Ordering::SeqCst), 1);
}
