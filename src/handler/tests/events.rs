use std::convert::Infallible;

use axum::{
    Extension,
    extract::{FromRef, State},
};
use serde_json::{Value, json};

use super::{Heard, client::Client, server};
use crate::{
    extract::{ArgError, Data, EventName, EventParts, FromEvent, Rest},
    handler::Ack,
    server::{AckSender, Socket, SocketIo},
};

#[tokio::test]
async fn each_data_takes_the_next_argument() {
    let (io, errors) = server();
    io.of("/").on(
        "say",
        async |Data(room): Data<String>, socket: Socket, Data(times): Data<u32>, Rest(rest): Rest<Value>| {
            Ack((room, times, rest, socket.is_connected()))
        },
    );
    let client = Client::connected(&io).await;
    assert_eq!(
        client.ask(r#"427["say","hall",3,"a",null]"#).await,
        r#"437["hall",3,["a",null],true]"#
    );
    assert_eq!(
        client.ask(r#"428["say","hall",3]"#).await,
        r#"438["hall",3,[],true]"#
    );
    assert!(errors.take().is_empty());
}

#[tokio::test]
async fn arguments_that_nobody_takes_are_ignored() {
    let (io, _) = server();
    io.of("/").on("one", async |Data(one): Data<u8>| Ack(one));
    assert_eq!(
        Client::connected(&io).await.ask(r#"420["one",1,2,3]"#).await,
        "430[1]"
    );
}

#[tokio::test]
async fn a_missing_argument_is_null_or_refused() {
    let (io, errors) = server();
    io.of("/")
        .on("optional", async |Data(count): Data<Option<u32>>| Ack(count))
        .on("needed", async |Data(_): Data<u32>| Ack("ran"));
    let client = Client::connected(&io).await;
    client.push(r#"421["needed"]"#).await;
    assert_eq!(client.ask(r#"420["optional"]"#).await, "430[null]");
    let told = errors.take();
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with(r#"an extractor refused (event "needed"): "#),
        "{told:?}"
    );
}

#[tokio::test]
async fn an_argument_of_another_type_keeps_the_handler_from_running() {
    let (io, errors) = server();
    let heard = Heard::default();
    let ran = heard.clone();
    io.of("/")
        .on("count", async move |Data(_): Data<u32>| ran.push("ran"));
    let client = Client::connected(&io).await;
    client.push(r#"42["count","three"]"#).await;
    assert!(heard.take().is_empty());
    assert_eq!(errors.take().len(), 1);
    client.push(r#"42["count",3]"#).await;
    assert_eq!(heard.take(), ["ran"]);
}

#[tokio::test]
async fn options_and_results_of_extractors_never_refuse() {
    let (io, errors) = server();
    io.of("/").on(
        "try",
        async |option: Option<Data<u8>>, result: Result<Data<u8>, ArgError>, Data(last): Data<u8>| {
            Ack((option.map(|data| data.0), result.is_err(), last))
        },
    );
    let client = Client::connected(&io).await;
    assert_eq!(client.ask(r#"420["try",1,2,3]"#).await, "430[1,false,3]");
    assert_eq!(
        client.ask(r#"421["try","one","two",3]"#).await,
        "431[null,true,3]"
    );
    assert_eq!(client.ask(r#"422["try",null,null,3]"#).await, "432[null,true,3]");
    assert!(errors.take().is_empty());
}

#[tokio::test]
async fn any_event_has_a_name() {
    let (io, _) = server();
    let heard = Heard::default();
    let log = heard.clone();
    io.of("/").on_any(
        async move |EventName(event): EventName, Rest(args): Rest<Value>| {
            log.push(format!("{event} {}", json!(args)));
        },
    );
    let client = Client::connected(&io).await;
    client.push("42[\"one\",1]\u{1e}42[\"two\"]").await;
    assert_eq!(heard.take(), ["one [1]", "two []"]);
}

#[derive(Clone)]
struct App {
    store: Store,
}

#[derive(Clone)]
struct Store(&'static str);

impl FromRef<App> for Store {
    fn from_ref(app: &App) -> Self {
        app.store.clone()
    }
}

/// An extractor as users write it.
struct Shout(String);

impl<S> FromEvent<S> for Shout
where
    Store: FromRef<S>,
{
    type Rejection = Infallible;

    fn from_event(_: &mut EventParts<'_>, state: &S) -> Result<Self, Infallible> {
        Ok(Self(Store::from_ref(state).0.to_uppercase()))
    }
}

#[tokio::test]
async fn handlers_read_the_state_and_its_parts() {
    let (io, _) = server();
    io.of("/").with_state(App { store: Store("disk") }).on(
        "where",
        async |State(app): State<App>, State(store): State<Store>, Shout(loud): Shout| {
            Ack((app.store.0, store.0, loud))
        },
    );
    assert_eq!(
        Client::connected(&io).await.ask(r#"420["where"]"#).await,
        r#"430["disk","disk","DISK"]"#
    );
}

#[tokio::test]
async fn an_extension_is_what_the_socket_keeps() {
    let (io, errors) = server();
    io.of("/")
        .on("set", async |socket: Socket, Data(number): Data<u64>| {
            socket.extensions().insert(number);
        })
        .on("get", async |Extension(number): Extension<u64>| Ack(number));
    let client = Client::connected(&io).await;
    client.push(r#"42["get"]"#).await;
    assert!(errors.take()[0].contains("the socket's extensions have no `u64`"));
    client.push(r#"42["set",5]"#).await;
    assert_eq!(client.ask(r#"420["get"]"#).await, "430[5]");
}

#[tokio::test]
async fn the_server_is_at_hand() {
    let (io, _) = server();
    io.of("/")
        .on("tell", async |io: SocketIo| io.of("/").emit("told", ()));
    assert_eq!(
        Client::connected(&io).await.ask(r#"42["tell"]"#).await,
        r#"42["told"]"#
    );
}

#[tokio::test]
async fn sixteen_arguments_are_allowed() {
    type D = Data<u8>;
    #[expect(clippy::too_many_arguments, reason = "it is what is tested")]
    #[rustfmt::skip]
    async fn sum(
        a: D, b: D, c: D, d: D, e: D, f: D, g: D, h: D, i: D, j: D, k: D, l: D, m: D, n: D, o: D, p: D,
    ) -> Ack<Vec<u8>> {
        Ack([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p].into_iter().map(|data| data.0).collect())
    }
    let (io, _) = server();
    io.of("/").on("sum", sum);
    let client = Client::connected(&io).await;
    let sent = r#"420["sum",1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]"#;
    assert_eq!(
        client.ask(sent).await,
        "430[[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]]"
    );
}

#[tokio::test]
async fn a_callback_can_be_answered_later() {
    let (io, errors) = server();
    io.of("/")
        .on("later", async |ack: AckSender| {
            tokio::task::yield_now().await;
            ack.send("now");
        })
        .on("maybe", async |ack: Option<AckSender>, socket: Socket| {
            socket.emit("asked", ack.is_some());
        });
    let client = Client::connected(&io).await;
    assert_eq!(client.ask(r#"423["later"]"#).await, r#"433["now"]"#);
    assert_eq!(client.ask(r#"42["maybe"]"#).await, r#"42["asked",false]"#);
    client.push(r#"42["later"]"#).await;
    assert!(errors.take()[0].contains("the client asked for no acknowledgement"));
}

#[tokio::test]
async fn a_socket_has_listeners_of_its_own() {
    let (io, _) = server();
    io.of("/").on_connect(async |socket: Socket| {
        let mut calls = 0;
        socket.on("count", async move || {
            // Each call has a clone of what the closure captured.
            calls += 1;
            Ack(calls)
        });
        socket.once("once", async |socket: Socket| socket.emit("ran", ()));
    });
    let client = Client::connected(&io).await;
    assert_eq!(client.ask(r#"420["count"]"#).await, "430[1]");
    assert_eq!(client.ask(r#"421["count"]"#).await, "431[1]");
    assert_eq!(client.ask(r#"42["once"]"#).await, r#"42["ran"]"#);
    client.push(r#"42["once"]"#).await;
    assert_eq!(client.ask(r#"422["count"]"#).await, "432[1]");
}
