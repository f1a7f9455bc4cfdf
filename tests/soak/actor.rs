//! A client that comes and goes.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::task::JoinSet;

use crate::{
    life::{Half, Life},
    link::Link,
    random::Random,
    server::{Ledger, NAMESPACES},
    tally::Tally,
    wire::{Eio, within},
};

/// News of one connection, at most.
const LONGEST: u64 = 120;

/// How a client uses its transports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Polling,
    WebSocket,
    Upgrade,
}

pub(crate) const WAYS: [(Eio, Way); 6] = [
    (Eio::V4, Way::Polling),
    (Eio::V4, Way::WebSocket),
    (Eio::V4, Way::Upgrade),
    (Eio::V3, Way::Polling),
    (Eio::V3, Way::WebSocket),
    (Eio::V3, Way::Upgrade),
];

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client has everything and says goodbye.
    Goodbye,
    /// It leaves its namespaces first.
    Leave,
    /// The server sends it away.
    SentAway,
    /// Its TCP connections are closed in the middle of what it sends.
    Cut,
    /// It says nothing more, and reads nothing.
    Vanish,
}

const ENDS: [End; 5] = [End::Goodbye, End::Leave, End::SentAway, End::Cut, End::Vanish];

pub(crate) struct Actor {
    pub(crate) way: (Eio, Way),
    pub(crate) random: Random,
    pub(crate) addr: SocketAddr,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) enough: Arc<AtomicBool>,
}

impl Actor {
    /// Connects again and again, until it is enough. Panics where the server breaks its promise.
    pub(crate) async fn play(mut self) {
        let mut graves = JoinSet::new();
        while !self.enough.load(Ordering::Relaxed) {
            self.live(&mut graves).await;
            while let Some(done) = graves.try_join_next() {
                done.unwrap();
            }
        }
        while let Some(done) = graves.join_next().await {
            done.unwrap();
        }
    }

    async fn live(&mut self, graves: &mut JoinSet<()>) {
        let (tally, random) = (self.tally.clone(), &mut self.random);
        let (eio, way) = self.way;
        let mut life = Life::begin(eio, way != Way::WebSocket, self.addr, &tally, &self.ledger).await;
        for news in 0..random.below(LONGEST) {
            if self.enough.load(Ordering::Relaxed) {
                break;
            }
            if random.one_in(2) {
                life.speak(random).await;
            }
            if way == Way::Upgrade && life.link.polls() && random.one_in(8) {
                life.upgrade(random.one_in(2)).await;
            }
            if news % 40 == 20 {
                life.beat().await;
            }
            life.wait_for_news().await;
        }
        let end = random.pick(&ENDS);
        if !matches!(end, End::Cut | End::Vanish) {
            life.settle().await;
        }
        life.speak_last(end, random).await;
        let Life { link, halves, .. } = life;
        let corpse = bury(end, link).await;
        self.tally.ended(format!("{end:?}"));
        graves.spawn(mourn(end, halves, corpse, self.ledger.clone()));
    }
}

impl Life {
    async fn speak_last(&mut self, end: End, random: &mut Random) {
        match end {
            End::Goodbye | End::Vanish => {}
            End::Cut => self.speak(random).await,
            End::Leave => {
                self.link.send(&["41/more,".into(), "41".into()], false).await;
            }
            End::SentAway => {
                self.link.send(&[r#"42["leave"]"#.into()], false).await;
                self.hear_the_end().await;
            }
        }
    }
}

/// Ends the connection on the client's side. What is kept of it keeps its TCP connections open.
async fn bury(end: End, link: Link) -> Option<Link> {
    match end {
        End::Goodbye | End::Leave => link.close().await,
        End::SentAway | End::Cut => drop(link),
        End::Vanish => return Some(link),
    }
    None
}

/// Waits until the server knows of the end, and compares.
async fn mourn(end: End, halves: [Half; 2], corpse: Option<Link>, ledger: Arc<Ledger>) {
    for (name, half) in NAMESPACES.into_iter().zip(halves) {
        let id = half.id.unwrap();
        let ending = within(ledger.end_of(&format!("{name} {id}"))).await.unwrap();
        let reason = ending.reason.as_str();
        assert!(end.reasons().contains(&reason), "{end:?}: {reason}");
        if matches!(end, End::Cut | End::Vanish) {
            assert!(ending.events <= half.sent, "{end:?}: {ending:?} of {}", half.sent);
        } else {
            assert_eq!(ending.events, half.sent, "{end:?}");
        }
    }
    drop(corpse);
}

impl End {
    /// What the server may call it.
    const fn reasons(self) -> &'static [&'static str] {
        match self {
            Self::Goodbye => &["transport close"],
            Self::Leave => &["client namespace disconnect"],
            Self::SentAway => &["server namespace disconnect"],
            // Whether a poll waited or was about to, and what the network has told.
            Self::Cut => &["transport error", "transport close", "ping timeout"],
            Self::Vanish => &["ping timeout"],
        }
    }
}
