//! What a server makes of a back end whose every word is written by the test.

use std::{
    future::Ready,
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::Duration,
};

use axum_socketio::{
    SocketIo, Value,
    adapter::{
        Adapter, AdapterError, Bus, Closing, Counting, Destination, Envelope, Incoming, Message, Options,
        Payload, Snapshot,
    },
};
use futures::{StreamExt, stream};
use tokio::sync::{mpsc, oneshot};

use crate::wire::{Eio, TestClient, TestServer, Via, within};

type Word = Result<Envelope, AdapterError>;
type Hook = Box<dyn Fn(&str) + Send + Sync>;

/// What a back end is asked for, as the test sees it.
#[derive(Default)]
struct Script {
    words: Mutex<Option<Incoming>>,
    log: Mutex<Vec<String>>,
    /// Called with each line of the log, after it was written, and with greetings, which aren't.
    hook: OnceLock<Hook>,
    fails: AtomicBool,
    panics: AtomicBool,
    /// It is for the broker to count servers, and that can't.
    counts: bool,
}

#[derive(Clone)]
struct Scripted(Arc<Script>);

impl Scripted {
    fn new(words: Incoming) -> Self {
        let script = Self(Arc::default());
        *script.0.words.lock().unwrap() = Some(words);
        script
    }

    /// A back end that says what is sent.
    fn channel() -> (Self, mpsc::UnboundedSender<Word>) {
        let (say, said) = mpsc::unbounded_channel();
        let said = stream::unfold(said, |mut said| async move { Some((said.recv().await?, said)) });
        (Self::new(said.boxed()), say)
    }

    fn log(&self) -> Vec<String> {
        self.0.log.lock().unwrap().clone()
    }

    fn write(&self, line: &str) {
        self.0.log.lock().unwrap().push(line.to_owned());
        self.show(line);
    }

    fn show(&self, line: &str) {
        if let Some(hook) = self.0.hook.get() {
            hook(line);
        }
    }

    fn sent(&self) -> Result<(), AdapterError> {
        assert!(!self.0.panics.load(Ordering::Relaxed), "a test panics on purpose");
        match self.0.fails.load(Ordering::Relaxed) {
            true => Err(AdapterError::new("down")),
            false => Ok(()),
        }
    }

    fn hook(&self, hook: impl Fn(&str) + Send + Sync + 'static) {
        assert!(self.0.hook.set(Box::new(hook)).is_ok());
    }
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

impl Adapter for Scripted {
    fn join(&self, _: &axum_socketio::ServerId) -> Incoming {
        self.0.words.lock().unwrap().take().unwrap()
    }

    fn open(&self, namespace: &str) {
        self.write(&format!("open {namespace}"));
    }

    fn leave(&self, namespace: &str) {
        self.write(&format!("leave {namespace}"));
    }

    fn publish(&self, _: Destination<'_>, envelope: &Envelope) -> Result<(), AdapterError> {
        let kind = match &envelope.message {
            Message::InitialHeartbeat => {
                self.show(&format!("greet {}", envelope.namespace));
                return self.sent();
            }
            Message::Heartbeat => return self.sent(),
            Message::Broadcast { .. } => "broadcast",
            Message::ServerEvent { .. } => "event",
            Message::Fetched { .. } => "fetched",
            Message::Close => "close",
            Message::ClientCount { clients: 0, .. } => "nobody",
            other => panic!("unexpected {other:?}"),
        };
        self.write(&format!("{kind} {}", envelope.namespace));
        self.sent()
    }

    fn close(&self) -> Closing<'_> {
        Box::pin(async {})
    }

    fn count_servers(&self, _: &str) -> Option<Counting<'_>> {
        let counting = async { Err(AdapterError::new("down")) };
        self.0.counts.then(|| Box::pin(counting) as _)
    }
}

fn said(message: Message) -> Word {
    Ok(Envelope {
        sender: "other".into(),
        namespace: "/".into(),
        message,
    })
}

fn event(json: &str) -> Word {
    let packet = Payload::from_parts(json, Vec::new()).unwrap();
    let request = None;
    said(Message::ServerEvent { packet, request })
}

/// A server, what the others tell it, and a signal that it hears the event `still there`.
fn listening(adapter: &Scripted) -> (SocketIo, oneshot::Receiver<()>) {
    let io = SocketIo::builder().adapter(adapter.clone()).build().unwrap();
    let (hears, heard) = oneshot::channel();
    let hears = Mutex::new(Some(hears));
    io.of("/").on_server_event("still there", move |_| {
        hears.lock().unwrap().take().unwrap().send(()).unwrap();
        async {}
    });
    (io, heard)
}

#[tokio::test]
async fn a_panic_in_the_hook_for_errors_leaves_the_server_its_ears() {
    let (adapter, say) = Scripted::channel();
    let (io, heard) = listening(&adapter);
    io.on_adapter_error(|_| panic!("a test panics on purpose"));
    say.send(Err(AdapterError::new("lost"))).unwrap();
    say.send(event(r#"["still there"]"#)).unwrap();
    within(heard).await.unwrap();
}

/// What a panic is raised with, and a future that has panicked, may panic in their turn.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a test panics on purpose");
    }
}

impl Future for Bomb {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        panic_any(Self)
    }
}

#[tokio::test]
async fn what_is_panicked_with_leaves_the_server_its_ears() {
    let (adapter, say) = Scripted::channel();
    let (io, heard) = listening(&adapter);
    io.on_adapter_error(|_| panic_any(Bomb));
    io.of("/")
        .on_server_event("calls", |_| -> Ready<()> { panic_any(Bomb) });
    io.of("/").on_server_event("polls", |_| Bomb);
    io.of("/").on_server_event("waits", async |_| {
        tokio::task::yield_now().await;
        panic_any(Bomb)
    });
    adapter.hook(|line| {
        if line == "fetched /" {
            panic_any(Bomb);
        }
    });
    say.send(Err(AdapterError::new("lost"))).unwrap();
    let (options, request) = (Options::default(), "1".into());
    say.send(said(Message::Fetch { options, request })).unwrap();
    for json in [
        r#"["calls"]"#,
        r#"["polls"]"#,
        r#"["waits"]"#,
        r#"["still there"]"#,
    ] {
        say.send(event(json)).unwrap();
    }
    within(heard).await.unwrap();
}

#[tokio::test]
async fn a_panic_in_the_hook_for_errors_is_not_that_of_the_emit() {
    let (adapter, _say) = Scripted::channel();
    let (io, _heard) = listening(&adapter);
    io.on_adapter_error(|_| panic!("a test panics on purpose"));
    adapter.0.fails.store(true, Ordering::Relaxed);
    let emitted = catch_unwind(AssertUnwindSafe(|| io.of("/").emit("news", 1)));
    assert!(emitted.is_ok());
}

#[tokio::test]
async fn a_panic_while_an_order_is_carried_out_leaves_the_server_its_ears() {
    let (adapter, say) = Scripted::channel();
    let (_io, heard) = listening(&adapter);
    adapter.hook(|line| assert!(line != "fetched /", "a test panics on purpose"));
    let (options, request) = (Options::default(), "1".into());
    say.send(said(Message::Fetch { options, request })).unwrap();
    say.send(event(r#"["still there"]"#)).unwrap();
    within(heard).await.unwrap();
}

#[tokio::test]
async fn a_panic_while_a_greeting_is_answered_leaves_the_server_its_ears() {
    let (adapter, say) = Scripted::channel();
    let (io, heard) = listening(&adapter);
    let (tell, told) = std::sync::mpsc::channel();
    io.on_adapter_error(move |error| tell.send(error.to_string()).unwrap());
    adapter.0.panics.store(true, Ordering::Relaxed);
    say.send(said(Message::InitialHeartbeat)).unwrap();
    say.send(event(r#"["still there"]"#)).unwrap();
    within(heard).await.unwrap();
    assert_eq!(told.try_recv().as_deref(), Ok("the adapter panicked"));
}

/// What it does for a namespace that a client has had made is done on behalf of that client, and partly in a drop.
#[tokio::test]
async fn a_back_end_that_panics_over_a_namespace_costs_no_client_its_connection() {
    for wrong in ["open /room", "greet /room", "close /room", "leave /room"] {
        let (adapter, _say) = Scripted::channel();
        let (io, _heard) = listening(&adapter);
        let (tell, told) = std::sync::mpsc::channel();
        io.on_adapter_error(move |error| tell.send(error.to_string()).unwrap());
        let rooms = io.of_matching(|name| name == "/room");
        adapter.hook(move |line| assert!(line != wrong, "a test panics on purpose"));
        let server = TestServer::start(&io).await;
        let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
        client.join("/room").await;
        assert_eq!(rooms.len(), 1, "{wrong}");
        client.send("41/room,").await;
        client.join("/room").await;
        client.send("41/room,").await;
        while adapter.log().iter().filter(|line| *line == "leave /room").count() < 2 {
            within(tokio::task::yield_now()).await;
        }
        assert_eq!(told.try_recv().as_deref(), Ok("the adapter panicked"), "{wrong}");
        assert_eq!(io.of("/").len(), 1, "{wrong}");
    }
}

/// Nobody says that they have gone: it is the broker who knows.
#[expect(clippy::disallowed_methods, reason = "the clock is paused")]
#[tokio::test(start_paused = true)]
async fn servers_that_only_the_broker_counts_are_forgotten_when_they_have_been_silent() {
    let (say, words) = mpsc::unbounded_channel();
    let words = stream::unfold(
        words,
        |mut words| async move { Some((words.recv().await?, words)) },
    );
    let script = Script {
        words: Mutex::new(Some(words.boxed())),
        counts: true,
        ..Script::default()
    };
    let (io, heard) = listening(&Scripted(Arc::new(script)));
    for number in 0..3 {
        let mut envelope = event(r#"["something"]"#).unwrap();
        envelope.sender = format!("other {number}").into();
        say.send(Ok(envelope)).unwrap();
    }
    say.send(event(r#"["still there"]"#)).unwrap();
    heard.await.unwrap();
    assert_eq!(io.of("/").server_count().await, 5);
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(io.of("/").server_count().await, 1);
}

/// Such a stream never lets the task rest by itself.
#[tokio::test]
async fn a_back_end_that_is_never_silent_leaves_other_tasks_their_turn() {
    let words = stream::repeat_with(|| said(Message::Heartbeat));
    let (_io, _heard) = listening(&Scripted::new(words.boxed()));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_namespace_is_opened_before_anything_is_published_in_it() {
    let (adapter, _say) = Scripted::channel();
    let (io, _heard) = listening(&adapter);
    let (other, seen) = (Mutex::new(Some(io.clone())), adapter.clone());
    let threads = Arc::new(Mutex::new(Vec::new()));
    let joined = threads.clone();
    adapter.hook(move |line| {
        if line != "open /late" {
            return;
        }
        // While the back end subscribes, somebody else uses the namespace.
        let server = other.lock().unwrap().take().unwrap();
        joined
            .lock()
            .unwrap()
            .push(thread::spawn(move || server.of("/late").emit("news", 1)));
        for _ in 0..10_000 {
            thread::yield_now();
        }
        seen.0.log.lock().unwrap().push("opened /late".into());
    });
    let _ = io.of("/late");
    for thread in threads.lock().unwrap().drain(..) {
        thread.join().unwrap();
    }
    assert_eq!(
        adapter.log(),
        ["open /", "open /late", "opened /late", "broadcast /late"]
    );
}

#[tokio::test]
async fn a_namespace_that_has_ended_is_left_and_opened_again() {
    let (adapter, _say) = Scripted::channel();
    let (io, _heard) = listening(&adapter);
    let _parent = io.of_matching(|name| name == "/child");
    let server = TestServer::start(&io).await;
    let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    for _ in 0..2 {
        client.join("/child").await;
        client.send("41/child,").await;
        within(async {
            while !adapter.log().ends_with(&["leave /child".into()]) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    let once = ["open /child", "close /child", "leave /child"];
    assert_eq!(adapter.log(), [&["open /"], &once[..], &once].concat());
}

#[tokio::test]
async fn nothing_is_said_after_the_good_bye() {
    let (adapter, _say) = Scripted::channel();
    let (io, _heard) = listening(&adapter);
    let server = Mutex::new(Some(io.clone()));
    adapter.hook(move |line| {
        // Somebody emits at the same moment.
        if line == "close /"
            && let Some(io) = server.lock().unwrap().take()
        {
            io.of("/").emit("news", 1);
        }
    });
    io.close_within(Duration::from_secs(1)).await;
    assert_eq!(adapter.log(), ["open /", "close /"]);
}

#[test]
fn what_servers_say_shows_neither_credentials_nor_what_events_carry() {
    let secret = Value::from("secret");
    let snapshot = Snapshot {
        id: "secret".into(),
        handshake: [("headers", secret.clone())]
            .into_iter()
            .collect::<Value>()
            .into(),
        rooms: Vec::new(),
        data: secret,
    };
    let envelope = Envelope {
        sender: "other".into(),
        namespace: "/chat".into(),
        message: Message::Fetched {
            request: "1".into(),
            sockets: vec![snapshot],
        },
    };
    let packet = Payload::from_parts(r#"["news","secret"]"#, Vec::new()).unwrap();
    for shown in [format!("{envelope:?}"), format!("{packet:?}")] {
        assert!(!shown.contains("secret"), "{shown}");
    }
    assert!(format!("{envelope:?}").contains("/chat"));
}

/// Asks the bus for something when it is dropped.
struct Asking(Bus);

impl Drop for Asking {
    fn drop(&mut self) {
        assert!(self.0.servers().is_empty());
    }
}

#[test]
fn a_condition_that_is_replaced_may_use_the_bus_when_it_is_dropped() {
    let bus = Bus::new();
    let asking = Asking(bus.clone());
    bus.drop_if(move |_| {
        let _ = &asking;
        false
    });
    bus.drop_if(|_| false);
}

/// Sets the hook for errors again when it is dropped.
struct Again(SocketIo);

impl Drop for Again {
    fn drop(&mut self) {
        self.0.on_adapter_error(|_| {});
    }
}

#[tokio::test]
async fn a_hook_for_errors_that_is_replaced_may_use_the_server_when_it_is_dropped() {
    let (adapter, _say) = Scripted::channel();
    let (io, _heard) = listening(&adapter);
    let again = Again(io.clone());
    io.on_adapter_error(move |_| {
        let _ = &again;
    });
    io.on_adapter_error(|_| {});
}

/// Clients have namespaces made, also while the broker is down.
#[tokio::test]
async fn a_hook_for_errors_may_make_a_namespace_whatever_could_not_be_said() {
    let (adapter, _say) = Scripted::channel();
    let (io, _heard) = listening(&adapter);
    let _parent = io.of_matching(|name| name == "/child");
    let (server, told) = (io.clone(), Arc::new(Mutex::new(Vec::new())));
    let telling = told.clone();
    io.on_adapter_error(move |_| {
        let mut told = telling.lock().unwrap();
        let name = format!("/status-{}", told.len());
        let (io, (made, is_made)) = (server.clone(), std::sync::mpsc::channel());
        // Another thread makes it, so that a lock that is held makes the test fail and not hang.
        thread::spawn(move || {
            io.of(name).local().emit("the broker is away", ());
            made.send(())
        });
        told.push(is_made.recv_timeout(Duration::from_secs(5)).is_ok());
    });
    let fails = |fails| adapter.0.fails.store(fails, Ordering::Relaxed);
    let server = TestServer::start(&io).await;
    let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    fails(true);
    client.join("/child").await;
    fails(false);
    io.of("/").emit("news", "the broker is back");
    fails(true);
    client.send("41/child,").await;
    within(async {
        while io.get("/child").is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(*told.lock().unwrap(), [true, true]);
}

/// A broker may fail now and then for long before it is gone.
#[tokio::test]
async fn the_end_of_a_back_end_is_told_however_often_it_has_failed() {
    let (adapter, say) = Scripted::channel();
    let (io, _heard) = listening(&adapter);
    let (tell, mut told) = mpsc::unbounded_channel();
    io.on_adapter_error(move |error| tell.send(error.to_string()).unwrap());
    for number in 0..100 {
        adapter.0.fails.store(number % 2 == 0, Ordering::Relaxed);
        io.of("/").emit("news", number);
    }
    drop(say);
    within(async {
        while let Some(error) = told.recv().await
            && error != "the adapter has ended"
        {
            assert_eq!(error, "down");
        }
    })
    .await;
}

/// Another server may be broken, or of another version.
#[tokio::test]
async fn what_is_no_event_reaches_no_client() {
    let (adapter, say) = Scripted::channel();
    let (io, heard) = listening(&adapter);
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let tell = |json: &str, request: Option<&str>| {
        let packet = Payload::from_parts(json, Vec::new()).unwrap();
        let (options, request) = (Options::default(), request.map(Into::into));
        say.send(said(Message::Broadcast {
            packet,
            options,
            request,
        }))
        .unwrap();
    };
    let senseless = ["[]", "[null]", "[{}]", r#"["connect"]"#, r#"["disconnect",1]"#];
    for json in senseless {
        tell(json, None);
        tell(json, Some("1"));
    }
    tell(r#"["news"]"#, None);
    client.expect(r#"42["news"]"#).await;
    say.send(event(r#"["still there"]"#)).unwrap();
    within(heard).await.unwrap();
    let answers = adapter.log().into_iter().filter(|line| line == "nobody /");
    assert_eq!(
        answers.count(),
        senseless.len(),
        "whoever asks is not kept waiting"
    );
}

/// Bytes whose drop has another thread look at the bus, and says whether that could.
struct Owned(Bus, std::sync::mpsc::Sender<bool>);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        b"owned"
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let (bus, (answer, answered)) = (self.0.clone(), std::sync::mpsc::channel());
        thread::spawn(move || answer.send(bus.servers()));
        let told = answered.recv_timeout(Duration::from_secs(5)).is_ok();
        let _ = self.1.send(told);
    }
}

#[test]
fn what_a_bus_releases_for_nobody_is_dropped_without_its_lock() {
    let bus = Bus::new();
    let adapter = bus.adapter();
    let _ear = adapter.join(&"other".into());
    let (told, dropped) = std::sync::mpsc::channel();
    let bytes = bytes::Bytes::from_owner(Owned(bus.clone(), told));
    let packet = Payload::from_parts(r#"["photo",{"_placeholder":true,"num":0}]"#, vec![bytes]).unwrap();
    let request = None;
    let envelope = said(Message::ServerEvent { packet, request }).unwrap();
    bus.hold();
    let nobody = "nobody".into();
    adapter.publish(Destination::One(&nobody), &envelope).unwrap();
    drop(envelope);
    bus.release();
    assert_eq!(dropped.try_recv(), Ok(true));
}
