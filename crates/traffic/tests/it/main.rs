//! Traffic through a real HAProxy, and through sockets that lie.
