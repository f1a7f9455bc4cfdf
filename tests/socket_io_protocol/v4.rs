//! Protocol 4, over Engine.IO 3: JS clients 1.x and 2.x, whose server was more lenient.

mod connect;
mod disconnect;
mod invalid;
mod message;

const VIAS: [crate::wire::Via; 2] = [crate::wire::Via::WebSocket, crate::wire::Via::Polling];
