//! RFC 6455, server role.
