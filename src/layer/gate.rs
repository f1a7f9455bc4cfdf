//! Asks the application's hooks about a request, and touches up its answer.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header::SET_COOKIE, request::Parts};
use hyper::upgrade::OnUpgrade;

use crate::{
    engine::{Admission, SessionId, random_session_id},
    foreign,
    layer::cors,
    server::{Gate, OnHeaders, Sharing},
};

/// The longest id that a function may give a session.
const MAX_ID: usize = 128;

/// What the hooks said of a request.
pub(super) struct Asked {
    pub(super) admission: Admission,
    pub(super) preflight: bool,
    pub(super) finish: Box<Finish>,
}

/// What is still to be done when the answer is there.
pub(super) struct Finish {
    gate: Arc<Gate>,
    head: Parts,
    sharing: Sharing,
    /// The id of the new session, if the request is a handshake and somebody wants to know.
    sid: Option<SessionId>,
    opens: bool,
    engine: bool,
}

/// What the hooks may see of a request.
pub(super) fn head(parts: &Parts) -> Parts {
    let mut head = parts.clone();
    head.extensions.remove::<OnUpgrade>();
    head
}

/// Asks everybody who wants to be asked. Who panics says no: unwinding would cost the connection and with it the answers to other requests.
pub(super) async fn ask(gate: Arc<Gate>, head: Parts, opens: bool, engine: bool) -> Asked {
    let answers = AssertUnwindSafe(answers(&gate, &head, opens));
    let (admission, sharing) = answers.catch_unwind().await.unwrap_or_else(|panic| {
        foreign::dispose(panic);
        crate::log::error!(
            "`origins`, `cors`, `allow_request` or `generate_id` panicked: a handshake is refused"
        );
        (Admission::Forbidden(None), Sharing::default())
    });
    let sid = match &admission {
        Admission::Named(id) => Some(id.clone()),
        _ => None,
    };
    let preflight = sharing.preflight;
    let finish = Box::new(Finish {
        gate,
        head,
        sharing,
        sid,
        opens,
        engine,
    });
    Asked {
        admission,
        preflight,
        finish,
    }
}

/// The order is Node's: CORS, origins, `allow_request`, `generate_id`.
async fn answers(gate: &Gate, head: &Parts, opens: bool) -> (Admission, Sharing) {
    let mut sharing = match &gate.cors {
        Some(ask) => ask(head).await,
        None => Sharing::default(),
    };
    let mut admission = Admission::Open;
    // Of other requests only the headers for pages depend on it.
    if let Some(ask) = gate.origins.as_ref().filter(|_| opens || gate.cors.is_none()) {
        match ask(head).await {
            Ok(()) if gate.cors.is_none() => sharing = cors::of_admitted(head),
            Ok(()) => {}
            Err(refused) => {
                if opens && let Some(times) = gate.refusals.worth_a_line() {
                    crate::log::info!(times, "handshake refused: {refused}");
                }
                admission = Admission::Forbidden(refused.into_text());
            }
        }
    }
    if opens && matches!(admission, Admission::Open) {
        admission = admit(gate, head).await;
    }
    (admission, sharing)
}

async fn admit(gate: &Gate, head: &Parts) -> Admission {
    if let Some(ask) = &gate.allow_request
        && let Err(text) = ask(head).await
    {
        return Admission::Forbidden(Some(text));
    }
    match &gate.generate_id {
        Some(ask) => match ask(head).await {
            Ok(id) if is_legal(&id) => Admission::Named(SessionId::from(id)),
            Ok(_) => {
                crate::log::error!(
                    "`generate_id` gave an id that is empty, too long, or has characters no query may have"
                );
                Admission::Nameless
            }
            Err(error) => {
                crate::log::error!(error, "`generate_id` failed");
                Admission::Nameless
            }
        },
        // The cookie has to know it.
        None if gate.cookie.is_some() => Admission::Named(random_session_id()),
        None => Admission::Open,
    }
}

/// It travels in queries, which not every client escapes (RFC 3986 §3.4), and in cookies (RFC 6265 §4.1.1).
fn is_legal(id: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:@".contains(&byte);
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(legal)
}

impl Finish {
    pub(super) fn apply<B>(self, response: &mut Response<B>) {
        let Self {
            gate,
            head,
            sharing,
            sid,
            opens,
            engine,
        } = self;
        let served = matches!(
            response.status(),
            StatusCode::OK | StatusCode::SWITCHING_PROTOCOLS
        );
        let polling = response.status() == StatusCode::OK && head.method != Method::CONNECT;
        let headers = response.headers_mut();
        cors::merge(&sharing.headers, headers);
        if !engine || !served {
            return;
        }
        if polling && let Some(cookie) = cookie(&gate, &head, sid.as_ref(), opens) {
            headers.append(SET_COOKIE, cookie);
        }
        if opens && let Some(hook) = &gate.initial_headers {
            touch_up("initial_headers", hook, headers, &head);
        }
        if let Some(hook) = &gate.headers {
            touch_up("headers", hook, headers, &head);
        }
    }
}

/// A panic must not cost the answer: what it brings has left the outbox.
fn touch_up(option: &str, hook: &OnHeaders, headers: &mut HeaderMap, head: &Parts) {
    if foreign::call(|| hook(headers, head)).is_err() {
        crate::log::error!("the function given to `{option}` panicked: the answer goes out all the same");
    }
}

fn cookie(gate: &Gate, head: &Parts, sid: Option<&SessionId>, opens: bool) -> Option<HeaderValue> {
    let cookie = gate.cookie.as_ref()?;
    let sid = match sid {
        Some(sid) => sid.as_str().to_owned(),
        None if cookie.is_on_every_response() && !opens => query_sid(head)?,
        None => return None,
    };
    HeaderValue::try_from(cookie.render(&sid)).ok()
}

fn query_sid(head: &Parts) -> Option<String> {
    let query = head.uri.query().unwrap_or_default();
    // The last one counts, as for the engine: another one could be anything.
    let sids = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "sid");
    let sid = sids.last();
    sid.map(|(_, sid)| sid.into_owned())
}
