//! Questions who is there. Each is asked once for all who ask the same at the time, and its answers are shared by reference.
//!
//! A question has a task, so that it goes on whoever of those that have asked is polled. It ends when all servers have answered or nobody
//! wants to know any more: how long the answers are waited for is up to each who asks.

use std::{
    future::{pending, poll_fn},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use tokio::{runtime::Handle, sync::watch, task::consume_budget, time::timeout};

use crate::{
    adapter::{AdapterError, Answer, Cluster, Message, Missing, Options, RequestId, Snapshot, Waiting},
    foreign,
    room::Room,
    server::{
        Broadcast, Socket,
        cluster::{
            remote_socket::Seen,
            snapshot,
            turns::{Turn, Turns},
        },
        namespace::NamespaceInner,
    },
};

/// How long a question that isn't answered keeps others waiting: servers may be slow or silent.
const PATIENCE: Duration = Duration::from_millis(100);
/// Who has waited for longer than this asks all the same. Where many wait it is up to twice as long, so that they don't ask all at once.
const LONGEST: Duration = Duration::from_millis(450);
/// How much longer for each that waits before it.
const APART: Duration = Duration::from_micros(500);

/// The questions of a namespace that are under way or wait; nothing, where there are none.
#[derive(Default)]
pub(in crate::server) struct Questions(Mutex<Option<Box<Waiters>>>);

type Waiters = Turns<Who, Arc<Question>>;

/// Who is meant.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Who {
    rooms: Vec<Room>,
    except: Vec<Room>,
}

/// What those who ask the same have in common.
type Question = watch::Sender<Progress>;

/// What has come of a question.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// How the other servers were asked, once they were.
    request: Option<RequestId>,
    /// Those of this server come first; `None` before they are there.
    sockets: Option<Vec<Arc<Seen>>>,
    over: Option<Outcome>,
}

#[derive(Debug)]
enum Outcome {
    Answered,
    Unasked(AdapterError, Missing),
}

/// What somebody gets who asked: who is there, and who has not answered.
pub(super) struct Found {
    /// `None` where those of this server have not been looked up.
    pub(super) sockets: Option<Vec<Arc<Seen>>>,
    pub(super) missing: Missing,
    pub(super) error: Option<AdapterError>,
    pub(super) is_complete: bool,
}

impl From<Options> for Who {
    fn from(options: Options) -> Self {
        let Options { rooms, except, .. } = options;
        Self { rooms, except }
    }
}

impl Who {
    fn options(&self) -> Options {
        Options {
            rooms: self.rooms.clone(),
            except: self.except.clone(),
            ..Options::default()
        }
    }
}

impl Questions {
    fn lock(&self) -> MutexGuard<'_, Option<Box<Waiters>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks all servers, this one too, unless somebody is about to ask the same. Waits no longer than that.
pub(super) async fn ask(
    namespace: &Arc<NamespaceInner>,
    cluster: &Arc<Cluster>,
    who: Who,
    limit: Duration,
) -> Found {
    foreign::among_others(ask_with_others(namespace, cluster, who, limit)).await
}

async fn ask_with_others(
    namespace: &Arc<NamespaceInner>,
    cluster: &Arc<Cluster>,
    who: Who,
    limit: Duration,
) -> Found {
    let (mut progress, longest) = join(namespace, cluster, &who);
    let heard = timeout(limit, async {
        let over = timeout(longest.min(limit / 2), progress.wait_for(Progress::is_over)).await;
        if over.map(drop).is_err() {
            if progress.borrow().request.is_none() {
                InTurn::begin_late(namespace, cluster, who);
            }
            // An error says that the runtime has ended.
            let _ = progress.wait_for(Progress::is_over).await;
        }
    });
    let in_time = heard.await.is_ok();
    let request = progress.borrow().request.clone();
    let missing = match request {
        Some(request) => cluster.missing(namespace.name(), &request),
        None => cluster.begin(namespace.name()).missing(),
    };
    if !in_time && missing.count() == 0 {
        // All have answered, and whoever hears it is about to tell.
        let _ = timeout(LONGEST, progress.wait_for(Progress::is_over)).await;
    }
    progress.borrow().found(missing)
}

/// What comes of the question, and how long it may wait for its turn.
fn join(
    namespace: &Arc<NamespaceInner>,
    cluster: &Arc<Cluster>,
    who: &Who,
) -> (watch::Receiver<Progress>, Duration) {
    let mut questions = namespace.questions().lock();
    let turns = questions.get_or_insert_default();
    let before = u32::try_from(turns.waiting()).unwrap_or(u32::MAX);
    let longest = LONGEST + APART.saturating_mul(before).min(LONGEST);
    let turn = turns.handle_asked(who, || Arc::new(watch::channel(Progress::default()).0));
    let (Turn::Now(question) | Turn::Later(question)) = &turn;
    // Under the lock, or it might be taken for one that nobody wants.
    let progress = question.subscribe();
    drop(questions);
    if let Turn::Now(question) = turn {
        InTurn::new(namespace, cluster, who.clone()).begin(question);
    }
    (progress, longest)
}

impl Progress {
    const fn is_over(&self) -> bool {
        self.over.is_some()
    }

    fn found(&self, missing: Missing) -> Found {
        let (missing, error, is_complete) = match &self.over {
            Some(Outcome::Answered) => (Missing::default(), None, true),
            Some(Outcome::Unasked(error, missing)) => {
                (missing.clone(), Some(AdapterError::clone(error)), false)
            }
            None => (missing, None, false),
        };
        Found {
            sockets: self.sockets.clone(),
            missing,
            error,
            is_complete,
        }
    }
}

/// A question that is under way.
struct Asking {
    question: Arc<Question>,
    here: Vec<Socket>,
    answers: Waiting,
    /// Others wait for theirs.
    turn: Option<InTurn>,
}

impl Asking {
    /// Asks, and has a task hear the answers. Where there are none, or others could not be asked, the turn is given back.
    fn begin(turn: InTurn, question: Arc<Question>) -> Option<InTurn> {
        let InTurn {
            namespace,
            cluster,
            who,
            ..
        } = &turn;
        let options = who.options();
        let here = Broadcast::new(namespace.clone(), options.target())
            .local()
            .sockets();
        let answers = cluster.begin(namespace.name());
        let request = answers.id();
        // Afterwards it may be that all have answered.
        let is_alone = answers.missing().count() == 0;
        change(&question, |progress| progress.request = Some(request.clone()));
        if let Err(error) = cluster.ask(namespace.name(), Message::Fetch { options, request }) {
            let unasked = Outcome::Unasked(error, answers.missing());
            question.send_modify(|progress| progress.over = Some(unasked));
            return Some(turn);
        }
        if is_alone {
            question.send_modify(|progress| progress.over = Some(Outcome::Answered));
            return Some(turn);
        }
        // That of whoever asks, or has heard the answers to another question: nobody may drive the one in which the server was built.
        let runtime = Handle::try_current().unwrap_or_else(|_| cluster.runtime().clone());
        let asking = Self {
            question,
            here,
            answers,
            turn: Some(turn),
        };
        runtime.spawn(asking.run());
        None
    }

    async fn run(mut self) {
        let here = snapshot::all(std::mem::take(&mut self.here), Seen::here).await;
        change(&self.question, |progress| progress.sockets = Some(here));
        let outcome = self.hear().await;
        self.question.send_modify(|progress| progress.over = outcome);
        self.end_turn();
    }

    /// All answers; `None` where nobody wants to know any more.
    async fn hear(&mut self) -> Option<Outcome> {
        let question = self.question.clone();
        let (mut unwanted, mut patience) =
            (pin!(question.closed()), pin!(timeout(PATIENCE, pending::<()>())));
        loop {
            let heard = poll_fn(|cx| {
                if self.turn.is_some() && patience.as_mut().poll(cx).is_ready() {
                    self.end_turn();
                }
                if let Poll::Ready(answer) = self.answers.poll_answer(cx) {
                    return Poll::Ready(Some(answer));
                }
                unwanted.as_mut().poll(cx).map(|()| None)
            });
            match heard.await? {
                Some(Answer::Sockets(snapshots)) => self.add(snapshots).await,
                Some(_) => {}
                None => return Some(Outcome::Answered),
            }
        }
    }

    async fn add(&self, snapshots: Vec<Snapshot>) {
        let mut seen = Vec::with_capacity(snapshots.len());
        for (number, snapshot) in snapshots.into_iter().enumerate() {
            if number % snapshot::AT_ONCE == 0 {
                consume_budget().await;
            }
            seen.push(Seen::there(snapshot));
        }
        change(&self.question, |progress| {
            progress.sockets.get_or_insert_default().append(&mut seen);
        });
    }

    fn end_turn(&mut self) {
        if let Some(turn) = self.turn.take() {
            turn.end();
        }
    }
}

/// Nobody is woken before it is over.
fn change(question: &Question, change: impl FnOnce(&mut Progress)) {
    question.send_if_modified(|progress| {
        change(progress);
        false
    });
}

/// Others wait until it is over.
struct InTurn {
    namespace: Arc<NamespaceInner>,
    cluster: Arc<Cluster>,
    who: Who,
    is_over: bool,
}

impl InTurn {
    fn begin(self, question: Arc<Question>) {
        let unasked = Asking::begin(self, question);
        unasked.into_iter().for_each(Self::end);
    }

    /// Who asks this has waited long enough.
    fn begin_late(namespace: &Arc<NamespaceInner>, cluster: &Arc<Cluster>, who: Who) {
        let mut questions = namespace.questions().lock();
        let late = questions.as_mut().and_then(|turns| turns.handle_late(&who));
        drop(questions);
        if let Some(question) = late {
            Self::new(namespace, cluster, who).begin(question);
        }
    }

    /// The next question is asked, and those after it as long as none can be.
    fn end(self) {
        let mut ends = Some(self);
        while let Some(turn) = ends {
            let next = turn.pass_on();
            ends = next.and_then(|(turn, question)| Asking::begin(turn, question));
        }
    }

    fn pass_on(mut self) -> Option<(Self, Arc<Question>)> {
        self.is_over = true;
        let mut questions = self.namespace.questions().lock();
        let is_wanted = |question: &Arc<Question>| question.receiver_count() > 0;
        let next = questions
            .as_mut()
            .and_then(|turns| turns.handle_over(&self.who, is_wanted));
        let none = questions.take_if(|turns| turns.is_empty());
        drop(questions);
        drop(none);
        let (who, question) = next?;
        Some((Self::new(&self.namespace, &self.cluster, who), question))
    }

    fn new(namespace: &Arc<NamespaceInner>, cluster: &Arc<Cluster>, who: Who) -> Self {
        Self {
            namespace: namespace.clone(),
            cluster: cluster.clone(),
            who,
            is_over: false,
        }
    }
}

impl Drop for InTurn {
    /// The runtime ends, or there was a panic. Those who wait ask when they have waited long enough, each in a runtime of its own.
    fn drop(&mut self) {
        if !self.is_over
            && let Some(turns) = self.namespace.questions().lock().as_mut()
        {
            turns.handle_given_back(&self.who);
        }
    }
}
