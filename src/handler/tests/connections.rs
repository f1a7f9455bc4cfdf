use axum::{
    Extension,
    extract::{Query, State},
};
use http::{HeaderMap, StatusCode, request::Parts};
use serde::Deserialize;

use super::{Heard, client::Client, server};
use crate::{
    extract::Auth,
    server::{ConnectError, DisconnectReason, Socket, SocketIo},
};

#[derive(Clone, Deserialize)]
struct User {
    name: String,
}

#[tokio::test]
async fn a_connect_handler_sees_the_handshake_request() {
    let (io, errors) = server();
    io.of("/").with_state(5_u32).on_connect(
        async |socket: Socket,
               Query(params): Query<User>,
               headers: HeaderMap,
               State(number): State<u32>,
               Auth(user): Auth<User>,
               io: SocketIo| {
            assert!(io.of("/").socket(socket.id()).is_some());
            socket.emit(
                "hello",
                (
                    params.name,
                    headers["x-test"].to_str().unwrap(),
                    number,
                    user.name,
                ),
            );
        },
    );
    let client = Client::open(&io, "&name=query").await;
    let answer = client.ask(r#"40{"name":"auth"}"#).await;
    assert!(
        answer.ends_with("\u{1e}42[\"hello\",\"query\",\"a header\",5,\"auth\"]"),
        "{answer}"
    );
    assert!(errors.take().is_empty());
}

#[tokio::test]
async fn an_extractor_that_refuses_a_connect_handler_is_reported() {
    let (io, errors) = server();
    let heard = Heard::default();
    let ran = heard.clone();
    io.of("/")
        .on_connect(async move |Query(_): Query<User>| ran.push("ran"));
    Client::connected(&io).await;
    assert!(heard.take().is_empty());
    let told = errors.take();
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("400 Bad Request: Failed to deserialize query string"),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_connect_handler_that_fails_is_reported_and_the_socket_stays() {
    let (io, errors) = server();
    io.of("/")
        .on_connect(async || Err::<(), _>("no luck"))
        .on("ping", async || crate::Ack("pong"));
    let client = Client::connected(&io).await;
    assert_eq!(errors.take(), ["a handler failed: no luck"]);
    assert_eq!(client.ask(r#"420["ping"]"#).await, r#"430["pong"]"#);
}

#[tokio::test]
async fn a_middleware_lets_in_or_refuses() {
    let (io, _) = server();
    io.of("/")
        .middleware(async || {})
        .middleware(async |Auth(user): Auth<User>| match &*user.name {
            "ada" => Ok(()),
            "" => Err(ConnectError::new("who are you?").with_data(["name"])),
            _ => Err("go away".into()),
        });
    let client = Client::open(&io, "").await;
    assert_eq!(
        client.ask(r#"40{"name":"eve"}"#).await,
        r#"44{"message":"go away"}"#
    );
    assert_eq!(
        client.ask(r#"40{"name":""}"#).await,
        r#"44{"message":"who are you?","data":["name"]}"#
    );
    assert!(client.ask(r#"40{"name":"ada"}"#).await.starts_with("40{"));
}

/// A user's gate: an extractor whose rejection is a response.
struct Gate;

impl<S: Sync> axum::extract::FromRequestParts<S> for Gate {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Err((StatusCode::UNAUTHORIZED, "the key of the door is under the mat"))
    }
}

#[tokio::test]
async fn an_extractor_that_refuses_a_middleware_refuses_the_connection() {
    let (io, _) = server();
    io.of("/").middleware(async |Auth(_): Auth<User>| {});
    io.of("/gate").middleware(async |_: Gate| {});
    let client = Client::open(&io, "").await;
    assert_eq!(client.ask("40").await, r#"44{"message":"Bad Request"}"#);
    let answer = client.ask("40/gate,").await;
    assert_eq!(
        answer, r#"44/gate,{"message":"Unauthorized"}"#,
        "details are not the client's business"
    );
}

#[tokio::test]
async fn an_optional_auth_tells_nothing_from_nonsense() {
    let (io, errors) = server();
    io.of("/")
        .on_connect(async |socket: Socket, auth: Option<Auth<User>>| {
            socket.emit("user", auth.map(|auth| auth.0.name));
        });
    for (sent, told) in [
        ("40", "null"),
        ("40{}", "null"),
        (r#"40{"name":"ada"}"#, r#""ada""#),
    ] {
        let answer = Client::open(&io, "").await.ask(sent).await;
        assert!(answer.ends_with(&format!("42[\"user\",{told}]")), "{answer}");
    }
    Client::open(&io, "").await.ask(r#"40{"nome":"ada"}"#).await;
    assert!(errors.take()[0].contains("the auth payload is not of the expected type: missing field `name`"));
}

#[tokio::test]
async fn a_disconnect_handler_knows_who_left_and_why() {
    let (io, errors) = server();
    let heard = Heard::default();
    io.of("/")
        .with_state(heard.clone())
        .on_connect(async |socket: Socket| {
            socket.extensions().insert(7_u8);
            socket.on_disconnect(async |socket: Socket| drop(socket));
        })
        .on_disconnecting(async |socket: Socket, State(heard): State<Heard>| {
            heard.push(socket.is_connected().to_string())
        })
        .on_disconnect(
            async |reason: DisconnectReason,
                   State(heard): State<Heard>,
                   Extension(kept): Extension<u8>,
                   missing: Option<Extension<u16>>,
                   _: SocketIo| {
                heard.push(format!("{reason} {kept} {}", missing.is_none()));
            },
        )
        .on_disconnect(async |_: Extension<u16>| {});
    Client::connected(&io).await.push("41").await;
    assert_eq!(heard.take(), ["true", "client namespace disconnect 7 true"]);
    assert_eq!(
        errors.take().len(),
        1,
        "an extractor that refuses a disconnect handler is reported"
    );
}
