//! Questions who is there. Each is asked once for all who ask the same at the time, and its answers are shared by reference.
//!
//! Its turn comes to all who wait for it, and one of them asks it. Then it has a task, so that it goes on whoever of them is polled. It ends when
//! all servers have answered or nobody wants to know any more: how long the answers are waited for is up to each who asks.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, task::yield_now, time::timeout};

use crate::{
    adapter::{AdapterError, Cluster, Missing, Options},
    foreign,
    room::Room,
    server::{
        cluster::{
            asking::{self, InTurn, Outcome, PATIENCE, Progress, Question, Stage},
            remote_socket::Seen,
            turns::{Turn, Turns},
        },
        namespace::NamespaceInner,
    },
};

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
    pub(super) fn options(&self) -> Options {
        Options {
            rooms: self.rooms.clone(),
            except: self.except.clone(),
            ..Options::default()
        }
    }
}

impl Questions {
    /// Where there are any.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Waiters) -> T) -> Option<T> {
        let mut waiters = self.lock();
        let changed = waiters.as_mut().map(|turns| change(turns));
        let none = waiters.take_if(|turns| turns.is_empty());
        drop(waiters);
        drop(none);
        changed
    }

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
    let mut asker = Asker::join(namespace, cluster, &who);
    let heard = timeout(limit, async {
        while !asker.hear(limit / 2).await {
            // That may be so again and again where a runtime ends.
            yield_now().await;
            asker = Asker::join(namespace, cluster, &who);
        }
    });
    let in_time = heard.await.is_ok();
    asker.conclude(in_time).await
}

/// Somebody who asks, and waits with others for what comes of it.
struct Asker<'a> {
    progress: watch::Receiver<Progress>,
    /// How long it may wait for its turn.
    longest: Duration,
    /// Left last, when it is known whether others wait.
    place: Place<'a>,
}

/// The place of somebody who waits.
struct Place<'a> {
    namespace: &'a Arc<NamespaceInner>,
    cluster: &'a Arc<Cluster>,
    who: &'a Who,
    question: Arc<Question>,
    has_asked: bool,
}

/// What is up to those who wait.
enum Next {
    /// Nothing, unless it has waited for too long.
    AskWhenLate,
    Ask,
    /// Nothing, unless all have answered and nothing comes of that.
    Look,
    /// Whoever hears the answers has to say so.
    Hurry,
    AskAnew,
    Conclude,
}

impl<'a> Asker<'a> {
    fn join(namespace: &'a Arc<NamespaceInner>, cluster: &'a Arc<Cluster>, who: &'a Who) -> Self {
        let mut questions = namespace.questions().lock();
        let turns = questions.get_or_insert_default();
        let before = u32::try_from(turns.waiting()).unwrap_or(u32::MAX);
        let turn = turns.handle_asked(who, || Arc::new(watch::channel(Progress::default()).0));
        let (Turn::Now(question) | Turn::Later(question)) = &turn;
        // Under the lock, or it might be taken for one that nobody wants.
        let progress = question.subscribe();
        drop(questions);
        let mut asker = Self {
            progress,
            longest: LONGEST + APART.saturating_mul(before).min(LONGEST),
            place: Place {
                namespace,
                cluster,
                who,
                question: question.clone(),
                has_asked: false,
            },
        };
        if let Turn::Now(_) = turn {
            asker.place.ask(InTurn::new(namespace, cluster, who));
        }
        asker
    }

    /// Waits until it is over; `false` where it has to be asked anew.
    async fn hear(&mut self, at_most: Duration) -> bool {
        let patience = self.longest.min(at_most);
        loop {
            let heard = timeout(patience, self.progress.wait_for(concerns_all)).await;
            let is_late = heard.map(drop).is_err();
            let next = next(&self.progress.borrow());
            match next {
                Next::Conclude => return true,
                Next::AskAnew => return false,
                Next::Ask => self.place.ask_where_due(),
                Next::AskWhenLate if is_late => self.place.ask_late(),
                Next::Look if is_late && self.have_all_answered() => asking::doubt(&self.place.question),
                Next::Hurry if self.is_doubted_for(PATIENCE).await => return false,
                _ => {}
            }
        }
    }

    /// It may be that whoever hears the answers is about to tell.
    fn have_all_answered(&self) -> bool {
        self.missing().count() == 0
    }

    /// Whoever hears the answers rests, or is about to.
    async fn is_doubted_for(&mut self, time: Duration) -> bool {
        let is_heard = self.progress.wait_for(|progress| !progress.is_doubted());
        timeout(time, is_heard).await.map(drop).is_err()
    }

    async fn is_over_within(&mut self, time: Duration) -> bool {
        let over = timeout(time, self.progress.wait_for(Progress::is_over)).await;
        over.map(drop).is_ok()
    }

    async fn conclude(mut self, in_time: bool) -> Found {
        let is_asked = self.progress.borrow().request().is_some();
        if !in_time && is_asked && self.have_all_answered() {
            self.is_over_within(LONGEST).await;
        }
        let missing = self.missing();
        // Who has left knows nobody any more.
        let is_alone = missing.count() == 0 && !self.place.cluster.is_closed();
        let progress = self.progress.borrow();
        found(&progress, missing, is_alone)
    }

    fn missing(&self) -> Missing {
        let Place {
            namespace, cluster, ..
        } = self.place;
        let request = self.progress.borrow().request();
        match request {
            Some(request) => cluster.missing(namespace.name(), &request),
            None => cluster.begin(namespace.name()).missing(),
        }
    }
}

const fn concerns_all(progress: &Progress) -> bool {
    matches!(progress.stage, Stage::Due(_) | Stage::Doubted(_) | Stage::Over(_))
}

const fn next(progress: &Progress) -> Next {
    match &progress.stage {
        Stage::Waits => Next::AskWhenLate,
        Stage::Due(_) => Next::Ask,
        Stage::Asked { .. } => Next::Look,
        Stage::Doubted(_) => Next::Hurry,
        Stage::Over(Outcome::Lost) => Next::AskAnew,
        Stage::Over(_) => Next::Conclude,
    }
}

fn found(progress: &Progress, missing: Missing, is_alone: bool) -> Found {
    let (missing, error, is_complete) = match &progress.stage {
        Stage::Over(Outcome::Answered) => (Missing::default(), None, true),
        Stage::Over(Outcome::Failed(error, missing)) => (missing.clone(), Some(error.clone()), false),
        Stage::Asked { .. } | Stage::Doubted(_) => (missing, None, false),
        // There may be nobody to ask.
        Stage::Waits | Stage::Due(_) | Stage::Over(Outcome::Lost) => (missing, None, is_alone),
    };
    Found {
        sockets: progress.sockets.clone(),
        missing,
        error,
        is_complete,
    }
}

impl Place<'_> {
    fn ask(&mut self, turn: InTurn) {
        self.has_asked = true;
        turn.ask(&self.question);
    }

    fn ask_where_due(&mut self) {
        if let Some(turn) = asking::take_due(&self.question) {
            self.ask(turn);
        }
    }

    /// It has waited long enough.
    fn ask_late(&mut self) {
        let is_ours = |question: &Arc<Question>| Arc::ptr_eq(question, &self.question);
        let questions = self.namespace.questions();
        let late = questions.change(|turns| turns.handle_late(self.who, is_ours));
        if late.flatten().is_some() {
            self.ask(InTurn::new(self.namespace, self.cluster, self.who));
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.has_asked {
            asking::doubt(&self.question);
        } else if matches!(self.question.borrow().stage, Stage::Waits) {
            let is_wanted = |question: &Arc<Question>| question.receiver_count() > 0;
            let questions = self.namespace.questions();
            let unwanted = questions.change(|turns| turns.handle_left(self.who, is_wanted));
            drop(unwanted);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::{SocketIo, adapter::Bus};

    /// Two servers that know each other, and hear nothing any more.
    async fn two() -> [SocketIo; 2] {
        let bus = Bus::new();
        let two = [(); 2].map(|()| SocketIo::builder().adapter(bus.adapter()).build().unwrap());
        while two[0].of("/").server_count().await != 2 {
            yield_now().await;
        }
        bus.hold();
        two
    }

    #[tokio::test]
    async fn who_has_had_no_turn_when_the_server_has_left_is_told_that_it_is_not_all() {
        let [near, _far] = two().await;
        let main = near.of("/");
        let (namespace, cluster) = (main.inner(), main.inner().cluster().unwrap());
        let who = |number| Who {
            rooms: Vec::new(),
            except: vec![Room::from(format!("room {number}"))],
        };
        let who: Vec<_> = (0..17).map(who).collect();
        let mut asking: Vec<_> = who
            .iter()
            .map(|who| Asker::join(namespace, cluster, who))
            .collect();
        near.close().await;
        let found = asking.pop().unwrap().conclude(false).await;
        assert!(!found.is_complete);
        for asker in asking {
            // The time is up as whoever hears the answers is about to tell.
            let found = asker.conclude(false).await;
            assert_eq!(found.missing.count(), 1);
            assert!(found.error.is_some());
        }
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_forgotten_though_all_turns_are_taken() {
        let [near, _far] = two().await;
        let main = near.of("/");
        let rooms: Vec<_> = (0..17)
            .map(|number| main.except(format!("room {number}")))
            .collect();
        let mut asking: Vec<_> = rooms.iter().map(|room| Box::pin(room.fetch_sockets())).collect();
        for asking in &mut asking {
            assert!(asking.now_or_never().is_none());
        }
        let waiting = || main.inner().questions().change(|turns| turns.waiting());
        assert_eq!(waiting(), Some(1));
        drop(asking.pop());
        assert_eq!(waiting(), Some(0));
    }
}
