//! What a back end panics with, whatever it is asked for, and what wakers do that panic, harms nobody.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use axum_socketio::{
    Drain, ServerId, Socket, SocketIo,
    adapter::{
        Adapter, AdapterError, Bus, Closing, Counting, Destination, Easing, Envelope, Incoming, Message,
    },
    extract::AckSender,
};
use futures::{FutureExt, StreamExt, future, stream};
use tokio::sync::mpsc;

use crate::{
    contract::Nodes,
    on,
    wire::{TestClient, TestServer, within},
};

const ON_PURPOSE: &str = "a test panics on purpose";

/// What a back end panics over, as soon as the test wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Words,
    Counting,
    TheCount,
    Closing,
    TheEnd,
    TheEasing,
    TheDropOfTheEasing,
}

#[derive(Clone, Debug)]
struct Panicking {
    over: Over,
    now: Arc<AtomicBool>,
    said: Arc<Mutex<Option<mpsc::UnboundedReceiver<Option<Envelope>>>>>,
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{ON_PURPOSE}");
    }
}

impl Panicking {
    /// A back end, and what says what others say: a panic where there is nothing.
    fn over(over: Over) -> (Self, mpsc::UnboundedSender<Option<Envelope>>) {
        let (say, said) = mpsc::unbounded_channel();
        let adapter = Self {
            over,
            now: Arc::default(),
            said: Arc::new(Mutex::new(Some(said))),
        };
        (adapter, say)
    }

    fn begin(&self) {
        self.now.store(true, Ordering::Relaxed);
    }

    fn is(&self, over: Over) -> bool {
        self.over == over && self.now.load(Ordering::Relaxed)
    }

    fn bursts(&self, over: Over) {
        assert!(!self.is(over), "{ON_PURPOSE}");
    }
}

impl Adapter for Panicking {
    fn join(&self, _: &ServerId) -> Incoming {
        let said = self.said.lock().unwrap().take().unwrap();
        let said = stream::unfold(said, async |mut said| {
            let envelope = said.recv().await?.expect(ON_PURPOSE);
            Some((Ok(envelope), said))
        });
        said.boxed()
    }

    fn publish(&self, _: Destination<'_>, _: &Envelope) -> Result<(), AdapterError> {
        Ok(())
    }

    fn close(&self) -> Closing<'_> {
        self.bursts(Over::Closing);
        Box::pin(async { self.bursts(Over::TheEnd) })
    }

    fn count_servers(&self, _: &str) -> Option<Counting<'_>> {
        self.bursts(Over::Counting);
        let counts = matches!(self.over, Over::Counting | Over::TheCount);
        let counting = async {
            self.bursts(Over::TheCount);
            Ok(7_usize)
        };
        counts.then(|| Box::pin(counting) as _)
    }

    fn backpressure(&self) -> Option<Easing> {
        let bomb = self.is(Over::TheDropOfTheEasing).then_some(Bomb);
        if self.is(Over::TheEasing) {
            return Some(Box::pin(async { panic!("{ON_PURPOSE}") }));
        }
        bomb.map(|bomb| Box::pin(future::pending().map(move |()| drop(bomb))) as _)
    }
}

/// A server with this back end, and what it is told of its errors.
fn server(adapter: &Panicking) -> (SocketIo, mpsc::UnboundedReceiver<String>) {
    let io = SocketIo::builder().adapter(adapter.clone()).build().unwrap();
    let (tell, told) = mpsc::unbounded_channel();
    io.on_adapter_error(move |error| drop(tell.send(error.to_string())));
    (io, told)
}

#[tokio::test]
async fn a_stream_that_panics_is_at_its_end_and_that_is_told() {
    let (adapter, say) = Panicking::over(Over::Words);
    let (io, mut told) = server(&adapter);
    let main = io.of("/");
    let envelope = Envelope {
        sender: "other".into(),
        namespace: "/".into(),
        message: Message::Heartbeat,
    };
    say.send(Some(envelope)).unwrap();
    within(async {
        while main.server_count().await != 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    say.send(None).unwrap();
    assert_eq!(within(told.recv()).await.as_deref(), Some("the adapter panicked"));
    // Who has been there isn't waited for.
    assert_eq!(main.server_count().await, 1);
    let asked = main.fetch_sockets().await;
    assert_eq!(
        asked.map_or_else(|incomplete| incomplete.missing_count(), |_| 0),
        0
    );
}

#[tokio::test]
async fn a_count_that_panics_is_one_that_the_broker_could_not_make() {
    for over in [Over::Counting, Over::TheCount] {
        let (adapter, _say) = Panicking::over(over);
        let (io, mut told) = server(&adapter);
        assert_eq!(io.of("/").server_count().await, 7, "{over:?}");
        adapter.begin();
        assert_eq!(io.of("/").server_count().await, 1, "{over:?}");
        assert_eq!(
            told.recv().await.as_deref(),
            Some("the adapter panicked"),
            "{over:?}"
        );
    }
}

#[tokio::test]
async fn a_back_end_that_panics_as_it_is_closed_keeps_no_server_from_closing() {
    for over in [Over::Closing, Over::TheEnd] {
        let (adapter, _say) = Panicking::over(over);
        let (io, mut told) = server(&adapter);
        adapter.begin();
        let report = io.drain(Drain::new(Duration::ZERO)).await;
        assert_eq!(report.unfinished, 0, "{over:?}");
        assert_eq!(
            told.recv().await.as_deref(),
            Some("the adapter panicked"),
            "{over:?}"
        );
    }
}

#[tokio::test]
async fn an_end_of_pressure_that_panics_costs_no_client_its_connection() {
    for over in [Over::TheEasing, Over::TheDropOfTheEasing] {
        let (adapter, _say) = Panicking::over(over);
        let (io, _told) = server(&adapter);
        io.of("/").on("ask", async |socket: Socket, ack: AckSender| {
            socket.to("nobody").emit("asked", ());
            ack.send(());
        });
        let server = TestServer::start(&io).await;
        let mut clients = Vec::new();
        for (eio, via) in TestClient::EVERY_WAY {
            clients.push(TestClient::connect(&server, eio, via).await);
        }
        adapter.begin();
        for client in &mut clients {
            for _ in 0..2 {
                client.send(r#"421["ask"]"#).await;
                client.expect("431[]").await;
            }
        }
        assert_eq!(io.of("/").len(), clients.len(), "{over:?}");
    }
}

/// Says whether it was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Of whatever executor.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("{ON_PURPOSE}");
    }
}

#[tokio::test]
async fn who_waits_for_a_server_that_goes_is_woken_whatever_the_wakers_of_others_do() {
    let bus = Bus::new();
    let nodes = Nodes::joined(2, &on(bus)).await;
    let main = nodes.io(0).of("/");
    let panics = Waker::from(Arc::new(Panics));
    // Of whom nobody hears it.
    let ask = |_| Box::pin(main.server_side_emit_with_ack::<()>("ask", ()));
    let mut asking: Vec<_> = (0..8).map(ask).collect();
    for asking in &mut asking[..4] {
        assert!(
            asking
                .as_mut()
                .poll(&mut Context::from_waker(&panics))
                .is_pending()
        );
    }
    let mut others = stream::FuturesUnordered::from_iter(asking.drain(4..));
    let all = async {
        while let Some(answers) = others.next().await {
            assert_eq!(answers.unwrap().len(), 0);
        }
    };
    let gone = nodes.io(1).close();
    within(async { tokio::join!(all, gone) }).await;
    assert_eq!(main.server_count().await, 1);
}

#[tokio::test]
async fn who_asks_who_is_there_is_answered_whatever_the_wakers_of_others_do() {
    let nodes = Nodes::joined(2, &on(Bus::new())).await;
    let (_there, there) = nodes.client(1, &[]).await;
    let main = nodes.io(0).of("/");
    let panics = Waker::from(Arc::new(Panics));
    // The first has a question of its own, and the others share one.
    let ask = |_| Box::pin(main.fetch_sockets());
    let mut asking: Vec<_> = (0..9).map(ask).collect();
    for asking in &mut asking[..5] {
        let polled = asking.as_mut().poll(&mut Context::from_waker(&panics));
        assert!(polled.is_pending());
    }
    let mut others = stream::FuturesUnordered::from_iter(asking.drain(5..));
    let all = async {
        while let Some(sockets) = others.next().await {
            assert_eq!(sockets.unwrap()[0].id(), there.id());
        }
    };
    let different = main.except("room");
    let ((), different) = within(async { tokio::join!(all, different.fetch_sockets()) }).await;
    assert_eq!(different.unwrap().len(), 1);
}

/// Back ends of an application's own may be made of it, and be asked by other executors than tokio's.
#[tokio::test]
async fn who_listens_to_a_bus_is_woken_whatever_the_wakers_of_others_do() {
    let bus = Bus::new();
    let [said, other, quiet] = ["1", "2", "3"].map(|name| {
        let place = bus.adapter();
        let words = place.join(&name.into());
        (place, words)
    });
    let woken = Arc::new(Woken::default());
    let wakers = [Waker::from(Arc::new(Panics)), Waker::from(woken.clone())];
    let ((_there, mut other), (_here, mut quiet)) = (other, quiet);
    for (words, waker) in [&mut other, &mut quiet].into_iter().zip(&wakers) {
        assert!(
            words
                .poll_next_unpin(&mut Context::from_waker(waker))
                .is_pending()
        );
    }
    let envelope = Envelope {
        sender: "1".into(),
        namespace: "/".into(),
        message: Message::Heartbeat,
    };
    said.0.publish(Destination::Everyone, &envelope).unwrap();
    assert!(woken.0.load(Ordering::Relaxed));
}
