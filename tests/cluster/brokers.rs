//! What brokers refuse, never answer, or pass on in a form of their own.

use std::{future::pending, sync::Arc, time::Duration};

use axum_socketio::{
    ServerId,
    adapter::{
        Adapter, AdapterError, Bus, Closing, Counting, Destination, Envelope, Incoming, Message, Options,
        Payload,
    },
};
use futures::FutureExt;

use crate::{
    questions::{knows, server},
    wire::{Eio, TestClient, TestServer, Via},
};

/// The longest event that the broker takes.
const LONGEST: usize = 1_000;

/// A place on a bus, as a broker would have it.
#[derive(Clone, Debug)]
struct Broker {
    place: Arc<dyn Adapter>,
    /// It is to count servers, and never does: whoever waits for that has one more of these.
    counts: Option<Arc<()>>,
}

impl Broker {
    fn on(bus: &Bus) -> Self {
        Self {
            place: Arc::new(bus.adapter()),
            counts: None,
        }
    }
}

impl Adapter for Broker {
    fn join(&self, me: &ServerId) -> Incoming {
        self.place.join(me)
    }

    fn publish(&self, to: Destination<'_>, envelope: &Envelope) -> Result<(), AdapterError> {
        match &envelope.message {
            Message::Broadcast { packet, .. } if packet.json().len() > LONGEST => {
                Err(AdapterError::new("the message is too long"))
            }
            _ => self.place.publish(to, envelope),
        }
    }

    fn close(&self) -> Closing<'_> {
        self.place.close()
    }

    fn count_servers(&self, _: &str) -> Option<Counting<'_>> {
        let waits = self.counts.clone()?;
        Some(Box::pin(async move {
            pending::<()>().await;
            drop(waits);
            Ok(0)
        }))
    }
}

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "the clock is paused")]
async fn a_server_whose_messages_are_refused_is_known_to_the_others() {
    let bus = Bus::new();
    let (near, far) = (server(Broker::on(&bus)), server(bus.adapter()));
    knows(&near, 2).await;
    knows(&far, 2).await;
    let long = "x".repeat(LONGEST);
    for second in 0..20 {
        near.of("/").emit("picture", &long);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(far.of("/").server_count().await, 2, "after {second} s");
    }
}

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "the clock is paused")]
async fn a_count_that_never_comes_is_waited_for_no_longer_than_its_answers() {
    let mut broker = Broker::on(&Bus::new());
    let waits = broker.counts.insert(Arc::default()).clone();
    let io = server(broker);
    let before = Arc::strong_count(&waits);
    let main = io.of("/");
    let hasty = main.timeout(Duration::from_millis(10));
    for _ in 0..10 {
        hasty.fetch_sockets().await.unwrap_err();
        // Asked, and given up.
        assert!(main.fetch_sockets().now_or_never().is_none());
        assert!(
            main.server_side_emit_with_ack::<()>("ask", ())
                .now_or_never()
                .is_none()
        );
    }
    assert!(hasty.emit_with_ack::<()>("ask", ()).collect_all().await.is_err());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(Arc::strong_count(&waits), before);
}

/// npm's clients would take it for the id of an acknowledgement.
#[tokio::test]
async fn a_blank_before_what_another_server_says_reaches_no_client() {
    let bus = Bus::new();
    let io = server(bus.adapter());
    let other = bus.adapter();
    let _heard = other.join(&"other".into());
    let web = TestServer::start(&io).await;
    let mut client = TestClient::connect(&web, Eio::V4, Via::WebSocket).await;
    let message = Message::Broadcast {
        packet: Payload::from_parts(" \t\r\n[\"news\",1]", Vec::new()).unwrap(),
        options: Options::default(),
        request: None,
    };
    let envelope = Envelope {
        sender: "other".into(),
        namespace: "/".into(),
        message,
    };
    other.publish(Destination::Everyone, &envelope).unwrap();
    client.expect(r#"42["news",1]"#).await;
}
