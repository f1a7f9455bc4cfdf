//! A parser whose bytes are of the user's own making, and call back while they are dropped.

use std::{
    error::Error,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use axum_socketio::{
    Builder, Namespace, Protocol, Socket, SocketIo,
    extract::Data,
    parser::{self, Decoder, Messages, PacketType, Parser},
    recovery::ConnectionStateRecovery,
};
use bytes::Bytes;

use super::{
    arrays::Arrays,
    wire::{Eio, Packet, TestClient, TestServer, Via},
};

const PHOTO: [u8; 600] = [7; 600];

type Question = Arc<dyn Fn() + Send + Sync>;

/// Events are text and a photo, whatever they hold.
#[derive(Clone)]
struct Photos {
    arrays: Arrays,
    /// What a photo that is dropped does.
    asked: Arc<Mutex<Option<Question>>>,
    /// Whether there was an answer.
    told: Sender<bool>,
}

struct Photo(Photos);

impl Parser for Photos {
    fn encode(
        &self,
        packet: &parser::Packet,
        protocol: Protocol,
    ) -> Result<Messages, Box<dyn Error + Send + Sync>> {
        let written = self.arrays.encode(packet, protocol)?;
        Ok(match packet.kind {
            PacketType::Event => written.and_binary(Bytes::from_owner(Photo(self.clone()))),
            _ => written,
        })
    }

    fn decoder(&self, protocol: Protocol) -> Box<dyn Decoder> {
        self.arrays.decoder(protocol)
    }
}

impl fmt::Debug for Photos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Photos").finish_non_exhaustive()
    }
}

impl AsRef<[u8]> for Photo {
    fn as_ref(&self) -> &[u8] {
        &PHOTO
    }
}

impl Drop for Photo {
    fn drop(&mut self) {
        let Some(question) = self.0.asked.lock().unwrap().clone() else {
            return;
        };
        let (answer, answered) = mpsc::channel();
        // Another thread asks: a lock that is held makes the test fail then, and not hang.
        std::thread::spawn(move || {
            question();
            answer.send(())
        });
        let told = answered.recv_timeout(Duration::from_secs(5)).is_ok();
        let _ = self.0.told.send(told);
    }
}

struct Album {
    io: SocketIo,
    server: TestServer,
    asked: Arc<Mutex<Option<Question>>>,
    dropped: Receiver<bool>,
}

impl Album {
    async fn new() -> Self {
        Self::of(SocketIo::builder().max_send_buffer(1024)).await
    }

    async fn of(options: Builder) -> Self {
        let (told, dropped) = mpsc::channel();
        let asked = Arc::default();
        let parser = Photos {
            arrays: Arrays::default(),
            asked: Arc::clone(&asked),
            told,
        };
        let io = options.parser(parser).build().unwrap();
        let _ = io
            .of("/")
            .on("show", async |socket: Socket, Data(to): Data<String>| {
                if let Some(reader) = socket.namespace().socket(to) {
                    reader.emit("photo", ());
                }
            });
        let server = TestServer::start(&io).await;
        Self {
            io,
            server,
            asked,
            dropped,
        }
    }

    /// A client, and its socket, which photos ask.
    async fn reader(&self, via: Via) -> (TestClient, Socket) {
        let (client, id) = super::custom::connected(&self.server, Eio::V4, via).await;
        let socket = self.io.of("/").socket(id).unwrap();
        let asked = socket.clone();
        self.ask(move || {
            let _ = asked.connection().is_writable();
        });
        (client, socket)
    }

    fn ask(&self, question: impl Fn() + Send + Sync + 'static) {
        *self.asked.lock().unwrap() = Some(Arc::new(question));
    }

    /// The first photo that is dropped has one more sent.
    fn ask_to_emit_once(&self, namespace: Namespace) {
        let asked = AtomicBool::new(false);
        self.ask(move || {
            if !asked.swap(true, Ordering::Relaxed) {
                namespace.emit("photo", ());
            }
        });
    }

    #[track_caller]
    fn was_dropped_without_a_lock(&self) {
        assert_eq!(self.dropped.recv_timeout(Duration::from_secs(10)), Ok(true));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_refused_or_never_sent_are_dropped_without_a_lock() {
    let album = Album::new().await;
    let (_client, socket) = album.reader(Via::Polling).await;
    socket.emit("photo", ());
    // There is no room for another, so the connection ends, and takes none from then on.
    socket.emit("photo", ());
    album.was_dropped_without_a_lock();
    album.was_dropped_without_a_lock();
    let (_client, socket) = album.reader(Via::Polling).await;
    socket.emit("photo", ());
    socket.volatile().emit("photo", ());
    album.was_dropped_without_a_lock();
    socket.connection().close_now();
    album.was_dropped_without_a_lock();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_a_handler_writes_to_others_are_dropped_without_a_lock() {
    let album = Album::new().await;
    let (mut speaker, _) = super::custom::connected(&album.server, Eio::V4, Via::WebSocket).await;
    let (mut reader, socket) = album.reader(Via::WebSocket).await;
    // Its task has been awake, and rests again.
    reader.ping().await;
    let id = socket.id();
    speaker.send(format!(r#"4[2,"/",null,["show","{id}"]]"#)).await;
    reader.expect(r#"4[2,"/",null,["photo"]]"#).await;
    reader.expect(Packet::Binary(PHOTO.to_vec())).await;
    album.was_dropped_without_a_lock();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_nobody_may_have_missed_any_more_are_dropped_without_a_lock() {
    let recovery = ConnectionStateRecovery::new().max_log_size(1024);
    let album = Album::of(SocketIo::builder().connection_state_recovery(recovery)).await;
    let (client, _) = super::custom::connected(&album.server, Eio::V4, Via::WebSocket).await;
    client.close().await;
    let main = album.io.of("/");
    while main.waiting_sessions() == 0 {
        tokio::task::yield_now().await;
    }
    album.ask_to_emit_once(main.clone());
    // There is room for one of them.
    main.emit("photo", ());
    main.emit("photo", ());
    album.was_dropped_without_a_lock();
    album.was_dropped_without_a_lock();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_for_which_the_children_of_a_pattern_have_no_room_are_dropped_without_a_lock() {
    let recovery = ConnectionStateRecovery::new().max_log_size(1024);
    let album = Album::of(SocketIo::builder().connection_state_recovery(recovery)).await;
    let parent = album.io.of_matching(|_| true);
    let (mut client, _) = super::custom::connected(&album.server, Eio::V4, Via::WebSocket).await;
    for name in ["/a", "/b"] {
        client.send(format!(r#"4[0,"{name}",null,{{}}]"#)).await;
        client.text().await;
    }
    let [a, b] = ["/a", "/b"].map(|name| {
        let sockets = parent.sockets();
        let socket = sockets.iter().find(|socket| socket.namespace_name() == name);
        socket.unwrap().namespace()
    });
    client.close().await;
    while parent.waiting_sessions() < 2 {
        tokio::task::yield_now().await;
    }
    album.ask_to_emit_once(a.clone());
    // There is room for one of them in both.
    a.emit("photo", ());
    b.emit("photo", ());
    album.was_dropped_without_a_lock();
    album.was_dropped_without_a_lock();
}
