//! What is waited for. Pure but for the channel that an answer is put into.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{sync::mpsc, task::AbortHandle};

use crate::{
    ServerId, SocketId,
    adapter::{AdapterError, Cluster, Message, Missing, Payload, RequestId, Snapshot},
    foreign,
};

/// What a server has answered, or a client of it.
#[derive(Debug)]
pub(crate) enum Answer {
    Sockets(Vec<Snapshot>),
    Server(Payload),
    Client(Option<SocketId>, Payload),
}

/// The answers that are missing will never be heard.
#[derive(Debug)]
pub(super) struct Unheard {
    missing: Missing,
    error: AdapterError,
}

/// What goes through the channel to whoever waits: answers, and in the end that others are missing.
type Heard = Result<Answer, Unheard>;

/// The requests of one namespace that nobody has given up yet.
#[derive(Debug, Default)]
pub(super) struct Requests(HashMap<RequestId, Request>);

#[derive(Debug)]
struct Request {
    /// Servers that have more to say.
    waiting: BTreeMap<ServerId, Clients>,
    /// Servers that have said something.
    seen: Vec<ServerId>,
    /// How many have to be seen; `None` as long as the broker has not told.
    expected: Option<usize>,
    /// Dropped with the request: the end of the channel is the end of the answers.
    answers: mpsc::UnboundedSender<Heard>,
}

/// How many acknowledgements a server owes; `None` before it has said.
type Clients = Option<usize>;

/// What follows for whoever waits. To be [applied](Self::apply) without a lock: nobody knows what a waker does, or the drop of bytes
/// of a user's own making.
#[derive(Debug, Default)]
#[must_use = "whoever waits is not woken otherwise"]
pub(super) struct Effects {
    answer: Option<Answer>,
    /// Where the answer goes; nowhere if it isn't wanted.
    to: Option<mpsc::UnboundedSender<Heard>>,
    /// Requests that are over: dropping them ends their answers.
    over: Vec<Request>,
    /// Why those have not been answered by all.
    unheard: Option<AdapterError>,
}

impl Effects {
    pub(super) fn apply(self) {
        if let (Some(to), Some(answer)) = (self.to, self.answer) {
            // An error says that nobody waits any more.
            foreign::step(|| drop(to.send(Ok(answer))));
        }
        for request in self.over {
            if let Some(error) = self.unheard.clone() {
                foreign::step(|| request.end(error));
            }
            foreign::step(|| drop(request));
        }
    }
}

impl Requests {
    /// Waits for these servers by name, or, where there are none to be named, for as many as [`counted`](Self::handle_counted) will say.
    pub(super) fn begin(
        &mut self,
        id: RequestId,
        named: Option<Vec<ServerId>>,
    ) -> mpsc::UnboundedReceiver<Heard> {
        let (answers, receiver) = mpsc::unbounded_channel();
        let request = Request {
            expected: named.is_some().then_some(0),
            waiting: named.into_iter().flatten().map(|server| (server, None)).collect(),
            seen: Vec::new(),
            answers,
        };
        if !request.is_complete() {
            self.0.insert(id, request);
        }
        receiver
    }

    /// The broker has told how many other servers there are.
    pub(super) fn handle_counted(&mut self, id: &str, others: usize) -> Effects {
        self.update(id, None, |request| {
            request.expected = Some(others);
            false
        })
    }

    /// A server is gone: nothing more will come from it.
    pub(super) fn handle_gone(&mut self, server: &ServerId) -> Effects {
        let over = self.0.extract_if(|_, request| {
            request.waiting.remove(server);
            request.is_complete()
        });
        Effects {
            over: over.map(|(_, request)| request).collect(),
            ..Effects::default()
        }
    }

    /// Takes an answer; gives back what is none.
    pub(super) fn handle_message(&mut self, from: &ServerId, message: Message) -> (Option<Message>, Effects) {
        let effects = match message {
            Message::Fetched { request, sockets } => {
                self.only_answer(&request, from, Answer::Sockets(sockets))
            }
            Message::ServerAck { request, packet } => {
                self.only_answer(&request, from, Answer::Server(packet))
            }
            Message::ClientCount { request, clients } => self.update(&request, None, |request| {
                request.clients(from, clients);
                false
            }),
            Message::ClientAck {
                request,
                socket,
                packet,
            } => {
                let answer = Answer::Client(socket, packet);
                self.update(&request, Some(answer), |request| request.is_owed(from))
            }
            Message::ClientsDone { request } => self.update(&request, None, |request| {
                request.done(from);
                false
            }),
            other => return (Some(other), Effects::default()),
        };
        (None, effects)
    }

    /// A server answers for itself, once.
    fn only_answer(&mut self, id: &str, from: &ServerId, answer: Answer) -> Effects {
        self.update(id, Some(answer), |request| {
            request.waiting.remove(from);
            request.see(from)
        })
    }

    /// Who has not answered.
    pub(super) fn missing(&self, id: &str) -> Missing {
        self.0.get(id).map(Request::missing).unwrap_or_default()
    }

    /// Nobody is heard any more: whoever waits is told why, and who is missing.
    pub(super) fn end(self, why: AdapterError) -> Effects {
        Effects {
            over: self.0.into_values().collect(),
            unheard: Some(why),
            ..Effects::default()
        }
    }

    pub(super) fn give_up(&mut self, id: &str) -> Effects {
        Effects {
            over: self.0.remove(id).into_iter().collect(),
            ..Effects::default()
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Changes a request, which says whether it wants the answer. Unknown ids are ignored: the time was up, or nobody waits any more.
    fn update(
        &mut self,
        id: &str,
        answer: Option<Answer>,
        change: impl FnOnce(&mut Request) -> bool,
    ) -> Effects {
        let mut effects = Effects {
            answer,
            ..Effects::default()
        };
        if let Some(request) = self.0.get_mut(id) {
            effects.to = change(request).then(|| request.answers.clone());
            if request.is_complete() {
                effects.over.extend(self.0.remove(id));
            }
        }
        effects
    }
}

impl Request {
    fn clients(&mut self, from: &ServerId, clients: usize) {
        if !self.see(from) {
            return;
        }
        if clients == 0 {
            self.done(from);
        } else {
            self.waiting.insert(from.clone(), Some(clients));
        }
    }

    fn done(&mut self, from: &ServerId) {
        self.waiting.remove(from);
    }

    /// Whether the server owes an acknowledgement, which has come now.
    fn is_owed(&mut self, from: &ServerId) -> bool {
        let Some(Some(clients)) = self.waiting.get_mut(from) else {
            return false;
        };
        *clients -= 1;
        if *clients == 0 {
            self.waiting.remove(from);
        }
        true
    }

    /// `false` if it was seen before.
    fn see(&mut self, server: &ServerId) -> bool {
        let new = !self.seen.contains(server);
        if new {
            self.seen.push(server.clone());
        }
        new
    }

    /// Tells whoever waits that nothing more will come.
    fn end(&self, error: AdapterError) {
        let missing = self.missing();
        // An error says that nobody waits any more.
        drop(self.answers.send(Err(Unheard { missing, error })));
    }

    fn is_complete(&self) -> bool {
        self.waiting.is_empty() && self.expected.is_some_and(|servers| self.seen.len() >= servers)
    }

    fn missing(&self) -> Missing {
        // Not even counted: one at least.
        let expected = self.expected.unwrap_or(self.seen.len() + 1);
        Missing {
            servers: self.waiting.keys().cloned().collect(),
            unnamed: expected.saturating_sub(self.seen.len()),
        }
    }
}

/// The answers to one request. Dropping it gives the request up.
#[derive(Debug)]
pub(crate) struct Waiting {
    cluster: Arc<Cluster>,
    namespace: Box<str>,
    id: RequestId,
    answers: mpsc::UnboundedReceiver<Heard>,
    /// The task that asks the broker how many there are.
    counting: Option<AbortHandle>,
    /// Nobody is heard any more.
    unheard: Option<Unheard>,
}

impl Waiting {
    pub(super) fn new(
        cluster: Arc<Cluster>,
        namespace: &str,
        id: RequestId,
        answers: mpsc::UnboundedReceiver<Heard>,
        counting: Option<AbortHandle>,
    ) -> Self {
        Self {
            cluster,
            namespace: namespace.into(),
            id,
            answers,
            counting,
            unheard: None,
        }
    }

    pub(crate) fn id(&self) -> RequestId {
        self.id.clone()
    }

    /// The next answer; `None` when all have come. Last is an error where those that are [missing](Self::missing) will never come.
    pub(crate) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Answer, AdapterError>>> {
        loop {
            match ready!(self.answers.poll_recv(cx)) {
                Some(Ok(answer)) => return Poll::Ready(Some(Ok(answer))),
                // One that is not missing may be on its way, in another thread.
                Some(Err(unheard)) => self.unheard = Some(unheard),
                None => {
                    let unheard = self.unheard.as_ref();
                    return Poll::Ready(unheard.map(|unheard| Err(unheard.error.clone())));
                }
            }
        }
    }

    /// Who has not answered yet.
    pub(crate) fn missing(&self) -> Missing {
        match &self.unheard {
            Some(unheard) => unheard.missing.clone(),
            None => self.cluster.missing(&self.namespace, &self.id),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.cluster.give_up(&self.namespace, &self.id);
        self.counting.iter().for_each(AbortHandle::abort);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        task::{Wake, Waker},
    };

    use tokio::runtime::Handle;

    use super::*;
    use crate::adapter::Memory;

    fn acks(from: &str, requests: &mut Requests) {
        let packet = Payload::checked("[1]");
        let message = Message::ClientAck {
            request: "r".into(),
            socket: None,
            packet,
        };
        let (left, effects) = requests.handle_message(&from.into(), message);
        assert_eq!(left, None);
        effects.apply();
    }

    fn counts(from: &str, clients: usize, requests: &mut Requests) {
        let message = Message::ClientCount {
            request: "r".into(),
            clients,
        };
        let (left, effects) = requests.handle_message(&from.into(), message);
        assert_eq!(left, None);
        effects.apply();
    }

    #[test]
    fn a_request_ends_with_the_last_answer_of_the_last_server() {
        let mut requests = Requests::default();
        let named = vec!["a".into(), "b".into(), "c".into()];
        let mut answers = requests.begin("r".into(), Some(named));
        counts("a", 2, &mut requests);
        counts("b", 0, &mut requests);
        acks("a", &mut requests);
        assert_eq!(requests.missing("r").servers, ["a".into(), "c".into()]);
        requests.handle_gone(&"c".into()).apply();
        assert_eq!(requests.len(), 1);
        acks("a", &mut requests);
        assert_eq!(requests.len(), 0);
        assert!(answers.try_recv().is_ok() && answers.try_recv().is_ok());
        assert_eq!(
            answers.try_recv().unwrap_err(),
            mpsc::error::TryRecvError::Disconnected
        );
    }

    #[test]
    fn counted_servers_are_missing_without_a_name() {
        let mut requests = Requests::default();
        let _answers = requests.begin("r".into(), None);
        assert_eq!(requests.missing("r").count(), 1);
        requests.handle_counted("r", 2).apply();
        counts("a", 1, &mut requests);
        let missing = requests.missing("r");
        assert_eq!((missing.servers.len(), missing.unnamed), (1, 1));
        acks("a", &mut requests);
        assert_eq!(requests.missing("r").count(), 1);
        counts("b", 0, &mut requests);
        assert_eq!(requests.len(), 0);
    }

    /// Says whether it was woken, and panics if it is to.
    struct Woken(bool, AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.1.store(true, Ordering::Relaxed);
            assert!(!self.0, "a test panics on purpose");
        }
    }

    #[test]
    fn whoever_waits_is_woken_at_the_end_whatever_the_wakers_of_others_do() {
        for gone in [false, true] {
            let mut requests = Requests::default();
            let asking = [true, true, true, false, false, false].map(|panics| {
                let woken = Arc::new(Woken(panics, AtomicBool::new(false)));
                let id = format!("{:p}", Arc::as_ptr(&woken));
                let mut answers = requests.begin(id.as_str().into(), Some(vec!["a".into()]));
                let waker = Waker::from(woken.clone());
                assert!(answers.poll_recv(&mut Context::from_waker(&waker)).is_pending());
                (woken, answers)
            });
            // A server has gone, or their namespace has ended.
            let effects = if gone {
                requests.handle_gone(&"a".into())
            } else {
                requests.end(AdapterError::new("closed"))
            };
            effects.apply();
            for (woken, _answers) in asking {
                assert!(woken.1.load(Ordering::Relaxed));
            }
        }
    }

    /// What comes and what ends are told by different threads.
    #[tokio::test]
    async fn an_answer_that_is_on_its_way_at_the_end_is_heard_before_the_missing_are_told() {
        let mut requests = Requests::default();
        let answers = requests.begin("r".into(), Some(vec!["a".into(), "b".into()]));
        let answer = Message::ServerAck {
            request: "r".into(),
            packet: Payload::checked("[1]"),
        };
        let (_, on_its_way) = requests.handle_message(&"a".into(), answer);
        let (cluster, _incoming) = Cluster::join(Arc::new(Memory), Handle::current());
        let mut waiting = Waiting::new(cluster, "/", "r".into(), answers, None);
        requests.end(AdapterError::new("closed")).apply();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(waiting.poll_answer(&mut cx).is_pending());
        on_its_way.apply();
        let mut next = || waiting.poll_answer(&mut cx);
        assert!(matches!(next(), Poll::Ready(Some(Ok(Answer::Server(_))))));
        assert!(matches!(next(), Poll::Ready(Some(Err(_)))));
        assert_eq!(waiting.missing().servers, ["b".into()]);
    }

    #[test]
    fn what_is_no_answer_is_given_back() {
        let mut requests = Requests::default();
        let (left, effects) = requests.handle_message(&"a".into(), Message::Heartbeat);
        assert_eq!(left, Some(Message::Heartbeat));
        effects.apply();
    }
}
