//! What other servers want done.

use std::{sync::Arc, time::Duration};

use crate::{
    ServerId,
    adapter::{Cluster, Envelope, Message, Options, Payload, RequestId, Snapshot},
    foreign::brief,
    packet::{self, KeptBody},
    server::{
        AckStream, Broadcast, Socket, SocketIo, broadcast::Flags, cluster::snapshot,
        namespace::NamespaceInner,
    },
};

pub(super) fn carry_out(io: &SocketIo, cluster: &Arc<Cluster>, order: Envelope) {
    let Some(namespace) = io.namespace(&order.namespace) else {
        return answer_for_nobody(cluster, order);
    };
    match order.message {
        Message::Broadcast {
            packet,
            options,
            request,
        } => {
            // What is no event for us is none for our clients.
            let fits = packet.event_name().is_some();
            if !fits {
                crate::log::warn!(
                    namespace = brief(namespace.name()),
                    server = %order.sender,
                    "a broadcast of another server is no event, or has a reserved name: nobody gets it"
                );
            }
            let selection = selection(&namespace, &options);
            match request {
                None if !fits => {}
                // It waits to be told how many may answer.
                Some(request) if !fits => {
                    Asked::new(cluster, &namespace, order.sender, request).say_how_many(0);
                }
                None => {
                    if let Err(error) = selection.emit_payload(&packet) {
                        namespace.complain_of_loss(None, &error, "a broadcast of another server was lost");
                    }
                }
                Some(request) => {
                    Asked::new(cluster, &namespace, order.sender, request).ask(&selection, &packet)
                }
            }
        }
        Message::Join { options, rooms } => selection(&namespace, &options).join(rooms),
        Message::Leave { options, rooms } => selection(&namespace, &options).leave(rooms),
        Message::Disconnect { options, close } => selection(&namespace, &options).disconnect(close),
        Message::Fetch { options, request } => {
            let sockets = selection(&namespace, &options).sockets();
            Asked::new(cluster, &namespace, order.sender, request).show(sockets);
        }
        Message::ServerEvent { packet, request } => {
            namespace.hear_server(cluster, order.sender, &packet, request);
        }
        // Answers and heartbeats are the cluster's own; what is not known is ignored.
        _ => {}
    }
}

/// A namespace is coming to be, or has just ended: nobody is in it, and who asks is not kept waiting.
fn answer_for_nobody(cluster: &Cluster, order: Envelope) {
    let answer = match order.message {
        Message::Fetch { request, .. } => Message::Fetched {
            request,
            sockets: Vec::new(),
        },
        Message::Broadcast {
            request: Some(request),
            ..
        } => Message::ClientCount { request, clients: 0 },
        _ => return,
    };
    cluster.answer(&order.namespace, &order.sender, answer);
}

fn selection(namespace: &Arc<NamespaceInner>, options: &Options) -> Broadcast {
    let flags = Flags {
        volatile: options.flags.volatile,
        compress: options.flags.compress.unwrap_or(true),
        timeout: options.flags.timeout,
        local: true,
    };
    Broadcast::new(namespace.clone(), options.target()).with_flags(flags)
}

/// What a client has answered, as servers tell each other.
fn payload(answer: &KeptBody) -> Payload {
    if let KeptBody::Json { payload, attachments } = answer
        && attachments.is_empty()
        && !packet::may_name_attachments(payload)
    {
        return Payload::checked(payload);
    }
    let values = answer.as_body().ack().ok().and_then(|mut args| args.rest().ok());
    // What nests too deeply for a value is no answer.
    Payload::from_values(&values.unwrap_or_default()).unwrap_or_else(|_| Payload::checked(""))
}

/// What another server wants to know: who is there, or what clients acknowledge.
struct Asked {
    cluster: Arc<Cluster>,
    namespace: Arc<NamespaceInner>,
    by: ServerId,
    request: RequestId,
}

impl Asked {
    fn new(
        cluster: &Arc<Cluster>,
        namespace: &Arc<NamespaceInner>,
        by: ServerId,
        request: RequestId,
    ) -> Self {
        Self {
            cluster: cluster.clone(),
            namespace: namespace.clone(),
            by,
            request,
        }
    }

    /// Says who is there; where they are many, in a task of its own, so that others are heard meanwhile.
    fn show(self, sockets: Vec<Socket>) {
        if sockets.len() <= snapshot::AT_ONCE {
            return self.say_who_is_there(snapshot::at_once(&sockets, snapshot::of).collect());
        }
        let runtime = self.cluster.runtime().clone();
        runtime.spawn(async move { self.say_who_is_there(snapshot::all(sockets, snapshot::of).await) });
    }

    fn say_who_is_there(&self, sockets: Vec<Snapshot>) {
        let request = self.request.clone();
        self.answer(Message::Fetched { request, sockets });
    }

    /// Says how many clients are asked, then passes on what they answer in a task of its own.
    fn ask(self, selection: &Broadcast, packet: &Payload) {
        let answers: AckStream<()> = selection.ask_payload(packet);
        let clients = answers.recipients();
        self.say_how_many(clients);
        if clients > 0 {
            let timeout = selection
                .flags
                .timeout
                .unwrap_or_else(|| self.namespace.ack_timeout());
            let runtime = self.cluster.runtime().clone();
            runtime.spawn(self.pass_on(answers, timeout));
        }
    }

    fn say_how_many(&self, clients: usize) {
        let request = self.request.clone();
        self.answer(Message::ClientCount { request, clients });
    }

    async fn pass_on(self, mut answers: AckStream<()>, timeout: Duration) {
        let all = async {
            while let Some((socket, ack)) = answers.next_local().await {
                self.answer(Message::ClientAck {
                    request: self.request.clone(),
                    socket: Some(socket),
                    packet: payload(&ack),
                });
            }
        };
        // When the time is up, who asked knows that by itself.
        if tokio::time::timeout(timeout, all).await.is_ok() {
            self.answer(Message::ClientsDone {
                request: self.request.clone(),
            });
        }
    }

    fn answer(&self, message: Message) {
        self.cluster.answer(self.namespace.name(), &self.by, message);
    }
}
