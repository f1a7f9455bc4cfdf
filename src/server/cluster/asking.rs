//! A question on its way: whose turn it is, the task that hears the answers, and what comes of it.

use std::{
    future::{pending, poll_fn},
    mem,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    task::consume_budget,
    time::timeout,
};

use crate::{
    adapter::{AdapterError, Answer, Cluster, Message, Missing, RequestId, Snapshot, Waiting},
    server::{
        Broadcast, Socket,
        cluster::{questions::Who, remote_socket::Seen, snapshot},
        namespace::NamespaceInner,
    },
};

/// How long a question that isn't answered keeps others waiting: servers may be slow or silent.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// What those who ask the same have in common.
pub(super) type Question = watch::Sender<Progress>;

/// What has come of a question.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) stage: Stage,
    /// Those of this server come first; `None` before they are there.
    pub(super) sockets: Option<Vec<Arc<Seen>>>,
    /// Wakes whoever hears the answers.
    doubt: Arc<Notify>,
}

/// ```text
/// Waits ──▶ Due ──▶ Asked ◀──▶ Doubted
///                     │           │
///                     └──▶ Over ◀─┘
/// ```
#[derive(Default)]
pub(super) enum Stage {
    /// For its turn, or somebody is just asking it.
    #[default]
    Waits,
    /// It has its turn. Whoever of those who wait is polled first asks it, in a runtime that somebody drives.
    Due(InTurn),
    Asked {
        request: RequestId,
        /// Others wait for theirs until it is over, or patience is.
        turn: Option<InTurn>,
    },
    /// Nobody may drive the runtime in which its answers are heard: whoever has asked it waits no more, or all have answered and nothing has
    /// come of that. It is `Asked` again as soon as whoever hears them is polled.
    Doubted(RequestId),
    Over(Outcome),
}

pub(super) enum Outcome {
    Answered,
    /// It could not be asked, or those who are missing are not heard any more.
    Failed(AdapterError, Missing),
    /// The runtime in which its answers were heard has ended.
    Lost,
}

impl Progress {
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over(_))
    }

    /// By this it was asked, and may still be answered.
    pub(super) fn request(&self) -> Option<RequestId> {
        match &self.stage {
            Stage::Asked { request, .. } | Stage::Doubted(request) => Some(request.clone()),
            _ => None,
        }
    }

    pub(super) const fn is_doubted(&self) -> bool {
        matches!(self.stage, Stage::Doubted(_))
    }
}

/// Nobody is woken.
fn change<T>(question: &Question, change: impl FnOnce(&mut Progress) -> T) -> Option<T> {
    let mut changed = None;
    question.send_if_modified(|progress| {
        changed = Some(change(progress));
        false
    });
    changed
}

/// Everybody is woken, and a turn that it had is over, unless it is over already.
fn end(question: &Question, outcome: Outcome) {
    let mut before = Stage::Over(outcome);
    question.send_if_modified(|progress| {
        let ends = !progress.is_over();
        if ends {
            mem::swap(&mut progress.stage, &mut before);
        }
        ends
    });
    drop(before);
}

/// The turn, where it is there for whoever comes first.
pub(super) fn take_due(question: &Question) -> Option<InTurn> {
    let before = change(question, |progress| match progress.stage {
        Stage::Due(_) => mem::take(&mut progress.stage),
        _ => Stage::Waits,
    });
    match before {
        Some(Stage::Due(turn)) => Some(turn),
        _ => None,
    }
}

/// Others need not wait any more.
fn end_turn(question: &Question) {
    let turn = change(question, |progress| match &mut progress.stage {
        Stage::Asked { turn, .. } => turn.take(),
        _ => None,
    });
    drop(turn);
}

/// Whether anybody hears the answers is to be seen.
pub(super) fn doubt(question: &Question) {
    end_turn(question);
    let mut hearer = None;
    question.send_if_modified(|progress| {
        let request = progress.request();
        hearer = request.is_some().then(|| progress.doubt.clone());
        if let Some(request) = request {
            progress.stage = Stage::Doubted(request);
        }
        hearer.is_some()
    });
    if let Some(hearer) = hearer {
        hearer.notify_one();
    }
}

/// Says that somebody is there whenever that is in doubt. Has no end.
async fn dispel_doubts(question: &Question) {
    let doubt = question.borrow().doubt.clone();
    loop {
        doubt.notified().await;
        question.send_if_modified(|progress| {
            let is_doubted = progress.is_doubted();
            if let Some(request) = progress.request().filter(|_| is_doubted) {
                progress.stage = Stage::Asked { request, turn: None };
            }
            is_doubted
        });
    }
}

/// The turn of a question, which is over when it is dropped: then that of the next begins.
pub(super) struct InTurn {
    namespace: Arc<NamespaceInner>,
    cluster: Arc<Cluster>,
    who: Who,
}

impl InTurn {
    pub(super) fn new(namespace: &Arc<NamespaceInner>, cluster: &Arc<Cluster>, who: &Who) -> Self {
        Self {
            namespace: namespace.clone(),
            cluster: cluster.clone(),
            who: who.clone(),
        }
    }

    /// Asks, and has a task hear the answers, where there are any to come.
    pub(super) fn ask(self, question: &Arc<Question>) {
        let (namespace, cluster, options) =
            (self.namespace.clone(), self.cluster.clone(), self.who.options());
        let here = Broadcast::new(namespace.clone(), options.target())
            .local()
            .sockets();
        let answers = cluster.begin(namespace.name());
        let request = answers.id();
        // Afterwards it may be that all have answered.
        let is_alone = answers.missing().count() == 0;
        let asking = Asking {
            question: question.clone(),
            here,
            answers,
        };
        change(question, |progress| {
            let (request, turn) = (request.clone(), Some(self));
            progress.stage = Stage::Asked { request, turn };
        });
        match cluster.ask(namespace.name(), Message::Fetch { options, request }) {
            Err(error) => end(question, Outcome::Failed(error, asking.answers.missing())),
            Ok(()) if is_alone => end(question, Outcome::Answered),
            Ok(()) => {
                // That of whoever asks: nobody may drive the one in which the server was built.
                let runtime = Handle::try_current().unwrap_or_else(|_| cluster.runtime().clone());
                runtime.spawn(asking.run());
            }
        }
    }
}

impl Drop for InTurn {
    fn drop(&mut self) {
        let is_wanted = |question: &Arc<Question>| question.receiver_count() > 0;
        let questions = self.namespace.questions();
        let next = questions.change(|turns| turns.handle_over(&self.who, is_wanted));
        if let Some((who, question)) = next.flatten() {
            let turn = Self::new(&self.namespace, &self.cluster, &who);
            question.send_modify(|progress| progress.stage = Stage::Due(turn));
        }
    }
}

/// Whoever hears the answers.
struct Asking {
    question: Arc<Question>,
    here: Vec<Socket>,
    answers: Waiting,
}

impl Asking {
    async fn run(mut self) {
        let question = self.question.clone();
        let (mut doubts, mut all) = (pin!(dispel_doubts(&question)), pin!(self.hear_all()));
        poll_fn(|cx| {
            let _ = doubts.as_mut().poll(cx);
            all.as_mut().poll(cx)
        })
        .await;
    }

    async fn hear_all(&mut self) {
        let here = snapshot::all(mem::take(&mut self.here), Seen::here).await;
        change(&self.question, |progress| progress.sockets = Some(here));
        if let Some(outcome) = self.hear().await {
            end(&self.question, outcome);
        }
    }

    /// All answers that come; `None` where nobody wants to know any more.
    async fn hear(&mut self) -> Option<Outcome> {
        let question = self.question.clone();
        let (mut unwanted, mut patience) =
            (pin!(question.closed()), pin!(timeout(PATIENCE, pending::<()>())));
        let mut is_patient = true;
        loop {
            let heard = poll_fn(|cx| {
                if is_patient && patience.as_mut().poll(cx).is_ready() {
                    is_patient = false;
                    end_turn(&question);
                }
                if let Poll::Ready(answer) = self.answers.poll_answer(cx) {
                    return Poll::Ready(Some(answer));
                }
                unwanted.as_mut().poll(cx).map(|()| None)
            });
            match heard.await? {
                Some(Ok(Answer::Sockets(snapshots))) => self.add(snapshots).await,
                Some(Ok(_)) => {}
                Some(Err(error)) => return Some(Outcome::Failed(error, self.answers.missing())),
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
}

impl Drop for Asking {
    /// Its runtime may end before it is done.
    fn drop(&mut self) {
        end(&self.question, Outcome::Lost);
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use http_body_util::BodyExt;
    use tokio::{sync::watch, task::yield_now};
    use tower::ServiceExt;

    use super::*;
    use crate::{SocketIo, adapter::Bus};

    async fn client_says(io: &SocketIo, method: &str, query: &str, packet: &str) -> String {
        let uri = format!("/socket.io/?EIO=4&transport=polling{query}");
        let request = Request::builder().method(method).uri(uri);
        let request = request.body(packet.to_owned()).unwrap();
        let answer = io.service().oneshot(request).await.unwrap();
        let body = answer.into_body().collect().await.ok().unwrap();
        String::from_utf8(body.to_bytes().into()).unwrap()
    }

    #[tokio::test]
    async fn whoever_still_looks_up_those_of_this_server_says_so_where_it_is_doubted() {
        let io = SocketIo::builder().adapter(Bus::new().adapter()).build().unwrap();
        let main = io.of("/");
        let opened = client_says(&io, "GET", "", "").await;
        let sid = opened.split('"').nth(3).unwrap();
        client_says(&io, "POST", &format!("&sid={sid}"), "40").await;
        // Each turn is long enough for some of them only.
        let here = vec![main.sockets().remove(0); 20_000];
        let answers = main.inner().cluster().unwrap().begin("/");
        let stage = Stage::Asked {
            request: answers.id(),
            turn: None,
        };
        let question = Arc::new(watch::channel(Progress::default()).0);
        let mut progress = question.subscribe();
        question.send_modify(|progress| progress.stage = stage);
        let asking = Asking {
            question: question.clone(),
            here,
            answers,
        };
        Handle::current().spawn(asking.run());
        yield_now().await;
        doubt(&question);
        assert!(question.borrow().is_doubted());
        let is_heard = progress.wait_for(|progress| !progress.is_doubted());
        let is_busy = is_heard.await.unwrap().sockets.is_none();
        assert!(is_busy);
        let over = progress.wait_for(Progress::is_over).await.unwrap();
        assert!(matches!(over.stage, Stage::Over(Outcome::Answered)));
        assert_eq!(over.sockets.as_ref().unwrap().len(), 20_000);
    }
}
