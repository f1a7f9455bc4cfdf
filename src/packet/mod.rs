//! Socket.IO on the wire.
