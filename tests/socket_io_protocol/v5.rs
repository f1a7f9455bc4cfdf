//! Protocol 5, over Engine.IO 4.

mod connect;
mod disconnect;
mod invalid;
mod message;

const VIAS: [crate::wire::Via; 2] = [crate::wire::Via::WebSocket, crate::wire::Via::Polling];
