//! Tasks on the reactor: futures, delays and timeouts.
