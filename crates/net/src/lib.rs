//! Transports and protocols on a reactor: TCP, lines, host names.
