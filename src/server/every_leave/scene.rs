//! A client that polls, its two namespaces, and what they hear.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use tokio::{
    runtime::{Builder, Runtime},
    task::{coop, yield_now},
    time::advance,
};

use super::{
    Act, Mode, Script,
    log::{Entry, Log, lock, number_of},
};
use crate::{
    DisconnectReason, Namespace, Socket, SocketIo,
    engine::{CloseReason, ReadyState},
    server::{AckError, AckFuture, ConnectError, Event, recovery::ConnectionStateRecovery, starts::Mark},
};

type Post = Pin<Box<dyn Future<Output = String> + Send>>;

/// What the client says, and has not been read.
struct Words {
    act: Act,
    number: usize,
    text: String,
}

pub(super) struct Scene {
    pub(super) script: Script,
    pub(super) log: Arc<Log>,
    pub(super) io: SocketIo,
    pub(super) received: String,
    /// The client could still be told, when everything was over.
    pub(super) is_open: bool,
    /// So much of what the client has said had not been read by then.
    pub(super) held_back: usize,
    pub(super) ack: Option<Result<(), AckError>>,
    /// What had come to pass when nobody was there any more, and how many sessions waited.
    pub(super) story: Vec<Entry>,
    pub(super) waiting: usize,
    pub(super) is_empty: bool,
    /// What the client is told when it is back for its session.
    pub(super) missed: Option<String>,
    runtime: Arc<Runtime>,
    sid: String,
    unread: VecDeque<Words>,
    post: Option<Post>,
    acked: Option<AckFuture<()>>,
    numbers: usize,
    is_lost: bool,
}

impl Scene {
    /// Plays the script to its end.
    pub(super) fn of(script: &Script) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let runtime = Arc::new(runtime.unwrap());
        let _entered = runtime.enter();
        let mut scene = Self::begin(script, runtime.clone());
        let undecided = scene.connect();
        let log = scene.log.clone();
        *lock(&log.scene) = Some(scene);
        assert!(undecided.admitted().is_none());
        scene = lock(&log.scene)
            .take()
            .expect("the connect handler gives it back");
        scene.goes_on_reading();
        scene.seen();
        for act in script.acts[script.inside..].iter().copied() {
            scene.act(act);
        }
        scene.ends();
        scene
    }

    /// What happens inside of the connect handler.
    pub(super) fn plays_inside(&mut self, socket: &Socket) {
        // Without an offset nobody gets a session back.
        socket.emit("hello", ());
        self.acked = Some(socket.emit_with_ack("asked", ()));
        let acts = self.script.acts.clone();
        for act in &acts[..self.script.inside] {
            self.act(*act);
        }
        self.log.add(Entry::Came);
    }

    fn begin(script: &Script, runtime: Arc<Runtime>) -> Self {
        let builder = SocketIo::builder().ping_interval(Duration::from_secs(600));
        let io = match script.mode {
            Mode::Recovery => builder.connection_state_recovery(ConnectionStateRecovery::new()),
            Mode::Plain | Mode::Sequential => builder,
        };
        Self {
            log: Arc::default(),
            io: io.build().unwrap(),
            received: String::new(),
            is_open: false,
            held_back: 0,
            ack: None,
            story: Vec::new(),
            waiting: 0,
            is_empty: false,
            missed: None,
            runtime,
            script: script.clone(),
            sid: String::new(),
            unread: VecDeque::new(),
            post: None,
            acked: None,
            numbers: 100,
            is_lost: false,
        }
    }

    /// Gives back the socket that the middleware has still to let in.
    fn connect(&mut self) -> Socket {
        let log = || self.log.clone();
        let witness = log();
        let _ = self
            .io
            .sockets()
            .on("witness", async move || witness.add(Entry::Witness));
        let chat = self.chat();
        if self.script.mode == Mode::Sequential {
            let _ = chat.clone().sequential();
        }
        let held = Arc::new(Mutex::new(None));
        let (holding, comes, leaves, left) = (held.clone(), log(), log(), log());
        let (heard, late, kick) = (log(), log(), log());
        let _ = chat
            .middleware(async move |socket: Socket| {
                if lock(&holding).replace(socket).is_none() {
                    std::future::pending::<()>().await;
                }
                Ok::<_, ConnectError>(())
            })
            .on_connect(async move |socket: Socket| comes.comes(&socket))
            .on("event", async move |socket: Socket, event: Event| {
                heard.hears(&socket, &event)
            })
            .on("late", async move |socket: Socket, event: Event| {
                late.hears(&socket, &event);
                coop::consume_budget().await;
                late.add(Entry::Breathes(number_of(&event)));
            })
            .on("kick", async move |socket: Socket, event: Event| {
                kick.hears(&socket, &event);
                kick.kick(&socket, Act::EventKick);
            })
            .on_disconnecting(async move |socket: Socket, reason: DisconnectReason| {
                leaves.leaves(&socket, reason)
            })
            .on_disconnect(async move |socket: Socket, reason: DisconnectReason| left.left(&socket, reason));
        self.opens();
        for words in ["40", "40/chat,"] {
            assert_eq!(at_once(&mut self.request(Method::POST, words)).unwrap(), "ok");
        }
        let held = lock(&held).clone();
        held.expect("the middleware was asked")
    }

    pub(super) fn chat(&self) -> Namespace {
        self.io.of("/chat")
    }

    fn act(&mut self, act: Act) {
        self.log.add(Entry::Does(act));
        let first = self.log.first();
        match act {
            Act::Kick | Act::KickAll => self.log.kick(&first, act),
            Act::End => self.is_lost_now(),
            Act::Claim => {
                self.reads();
                self.is_lost = true;
                first.depart_in_time(DisconnectReason::TransportClose);
                first.connection().fail_later(CloseReason::TransportClose);
            }
            Act::GoodBye => self.says(act, "41/chat,".to_owned()),
            Act::Back => {
                self.says(Act::GoodBye, "41/chat,".to_owned());
                self.says(act, "40/chat,".to_owned());
            }
            Act::Event => self.says_event(act, "event"),
            Act::Late => self.says_event(act, "late"),
            Act::EventKick => self.says_event(act, "kick"),
            Act::Emit => self.emits(&first),
            Act::Start => self.starts(&first),
            Act::StartEnds => {
                // Its own statement: who leaves then looks how many there are.
                let start = lock(&self.log.starts).pop();
                drop(start);
            }
            Act::Tasks => self.tasks(Duration::ZERO),
            Act::Timer => self.tasks(Duration::from_secs(6)),
        }
        self.log.add(Entry::Done(act));
        self.goes_on_reading();
        self.seen();
    }

    /// Where the socket isn't about to leave.
    fn starts(&self, socket: &Socket) {
        if socket.begin_start().is_some() {
            lock(&self.log.starts).extend(Mark::of(socket));
        }
    }

    fn emits(&mut self, socket: &Socket) {
        for to_all in [false, true] {
            let number = self.next_number();
            self.log.add(Entry::Said {
                number,
                connected: socket.is_connected(),
                to_all,
            });
            if to_all {
                self.chat().emit("said", number);
            } else {
                socket.emit("said", number);
            }
        }
    }

    fn seen(&self) {
        let first = self.log.first();
        let (connected, reachable) = (first.is_connected(), first.is_reachable());
        self.log.add(Entry::Seen { connected, reachable });
    }

    fn next_number(&mut self) -> usize {
        self.numbers += 1;
        self.numbers
    }

    fn says_event(&mut self, act: Act, event: &str) {
        let number = self.next_number();
        self.unread.push_back(Words {
            act,
            number,
            text: format!("42/chat,[\"{event}\",{number}]"),
        });
        self.goes_on_reading();
    }

    fn says(&mut self, act: Act, text: String) {
        let number = 0;
        self.unread.push_back(Words { act, number, text });
        self.goes_on_reading();
    }

    /// The server reads what the client says, as far as it does at the moment.
    fn goes_on_reading(&mut self) {
        while !self.is_lost
            && let Some(words) = self.unread.front()
        {
            let mut post = match self.post.take() {
                Some(post) => post,
                None => self.request(Method::POST, &words.text),
            };
            let answer = if words.act == Act::Late {
                self.runtime.block_on(out_of_breath(&mut post))
            } else {
                at_once(&mut post)
            };
            let Some(answer) = answer else {
                self.post = Some(post);
                return;
            };
            if let Some(words) = self.unread.pop_front().filter(|_| answer == "ok") {
                self.log.add(Entry::Read(words.act, words.number));
            }
        }
    }

    /// The client reads what there is for it.
    fn reads(&mut self) {
        if self.is_lost || lock(&self.log.scene).is_some() {
            return;
        }
        // So that there is something: a client that gives a GET up has gone.
        for socket in self.log.first().client().sockets() {
            if socket.namespace_name() == "/" {
                socket.emit("mark", ());
            }
        }
        let mut get = self.request(Method::GET, "");
        match at_once(&mut get) {
            Some(answer) => self.received.push_str(&format!("{answer}\u{1e}")),
            None => self.is_lost = true,
        }
    }

    fn is_lost_now(&mut self) {
        if self.is_lost {
            return;
        }
        for _ in 0..5 {
            let Some(answer) = at_once(&mut self.request(Method::GET, "")) else {
                break;
            };
            if answer.starts_with('{') {
                break;
            }
            self.received.push_str(&format!("{answer}\u{1e}"));
        }
        self.is_lost = true;
        self.post = None;
    }

    fn tasks(&self, time: Duration) {
        self.runtime.block_on(async {
            turns().await;
            if !time.is_zero() {
                advance(time).await;
                turns().await;
            }
        });
    }

    /// Nothing keeps anybody any more; in the end the connection is lost.
    fn ends(&mut self) {
        while !lock(&self.log.starts).is_empty() {
            self.act(Act::StartEnds);
        }
        self.act(Act::Tasks);
        self.is_open = !self.is_lost && self.log.first().connection().ready_state() == ReadyState::Open;
        if self.is_open {
            self.says(Act::Emit, "42[\"witness\"]".to_owned());
            if self.log.sockets().len() > 1 {
                self.says_event(Act::Event, "event");
            }
            self.act(Act::Tasks);
        }
        self.held_back = self.unread.len();
        self.reads();
        self.act(Act::End);
        self.act(Act::Timer);
        self.ack = self.acked.take().and_then(|mut ack| at_once(&mut ack));
        self.story = self.log.entries();
        let chat = self.chat();
        self.waiting = chat.waiting_sessions();
        self.is_empty = chat.is_empty() && chat.rooms().is_empty() && self.io.leaving().count() == 0;
        if self.waiting == 1 && self.log.sockets().len() == 1 {
            self.missed = self.returns();
        }
    }

    /// What the client has missed, if it knows of its session.
    fn returns(&mut self) -> Option<String> {
        let mut packets = self.received.split('\u{1e}');
        let welcome = packets.find(|packet| packet.starts_with("40/chat,"))?;
        let pid = welcome.split('"').nth(7)?;
        let last = packets.rfind(|packet| packet.starts_with("42/chat,["));
        let offset = last?.rsplit('"').nth(1)?;
        let connect = format!("40/chat,{{\"pid\":\"{pid}\",\"offset\":\"{offset}\"}}");
        self.opens();
        at_once(&mut self.request(Method::POST, &connect))?;
        at_once(&mut self.request(Method::GET, ""))
    }

    fn opens(&mut self) {
        self.sid.clear();
        let open = at_once(&mut self.request(Method::GET, "")).unwrap();
        self.sid = open.split('"').nth(3).unwrap().to_owned();
    }

    fn request(&self, method: Method, body: &str) -> Post {
        let sid = match &*self.sid {
            "" => String::new(),
            sid => format!("&sid={sid}"),
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("/socket.io/?EIO=4&transport=polling{sid}"))
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        let answer = self.io.engine().handle(request, None, false);
        Box::pin(async move {
            let body = answer.await.into_body().collect().await.unwrap();
            String::from_utf8(body.to_bytes().to_vec()).unwrap()
        })
    }
}

/// What a future has come to after one poll.
fn at_once<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    match Pin::new(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// The same in a task that has used up its turn.
async fn out_of_breath(post: &mut Post) -> Option<String> {
    poll_fn(|cx| {
        while coop::has_budget_remaining() {
            let _ = pin!(coop::consume_budget()).poll(cx);
        }
        Poll::Ready(at_once(post))
    })
    .await
}

async fn turns() {
    for _ in 0..8 {
        yield_now().await;
    }
}
